-- How many answers do people edit or reject? Lower is better.
CREATE SIGNAL correction WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN corrected END AS num, decided AS den
FROM internal.cells;
