-- Does the comparison mean anything? For `trust` in a gate, beside the checks.

-- How many people does each arm have? A person of two days is counted on both, so a gate looks at one day (`sql:` in
-- gates/canary.yaml): the sum over days is not a number of people, and would find mismatches that are none.
CREATE SIGNAL units_by_arm WITH (version = '1.0.0', owner = 'trust-eng', kind = 'count') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, arm, COUNT(DISTINCT user_token) AS units
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE arm IN ('control', 'treatment')
GROUP BY window_start, window_end, arm;

-- How many people were in both arms on one day? Who is in one arm one day and in the other the next is not seen.
CREATE SIGNAL crossed_units WITH (version = '1.0.0', owner = 'trust-eng', kind = 'count') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end,
  COUNT(DISTINCT user_token) FILTER (WHERE arm = 'control') + COUNT(DISTINCT user_token) FILTER (WHERE arm = 'treatment')
    - COUNT(DISTINCT user_token) AS crossed,
  COUNT(DISTINCT user_token) AS units
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE arm IN ('control', 'treatment')
GROUP BY window_start, window_end;

-- Which share of decisions has a label within two days? If one arm is labelled faster, or more often, rates over labels
-- compare different decisions.
CREATE SIGNAL labelled_by_arm WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
WITH paired AS (
  SELECT *, COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 AS in_both FROM internal.labelled_cells)
SELECT arm, window_start, window_end, SUM(labelled) AS labelled, SUM(decided) AS decided
FROM paired
WHERE in_both
GROUP BY arm, window_start, window_end;
