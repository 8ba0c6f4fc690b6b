-- How often is something made up, as people say, and as models say that judge models? Lower is better.
-- Two signals, never one: the judges err differently, and a model may err in favour of the version it resembles.
CREATE SIGNAL hallucination_by_people WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN seen_by_people END AS num, read_by_people AS den
FROM internal.labelled_cells;

CREATE SIGNAL hallucination_by_models WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN seen_by_models END AS num, read_by_models AS den
FROM internal.labelled_cells;
