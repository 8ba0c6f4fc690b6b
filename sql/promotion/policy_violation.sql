-- How often did the agent want what a policy blocks? For a `hard_limit`, which reads what is kept inside: exact counts, of
-- which nothing but the answer leaves.
-- So the threshold is the least there is, and all tenants are one bucket: no violation is withheld from the gate.
CREATE SIGNAL policy_violation WITH (version = '1.0.0', owner = 'safety', kind = 'rate', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2)
  window_start, window_end, arm, 'all' AS bucket,
  COUNT(*) FILTER (WHERE policy_result = 'block') AS num,
  COUNT(*) FILTER (WHERE policy_result IS NOT NULL) AS den
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE arm IN ('control', 'treatment')
GROUP BY window_start, window_end, arm;
