-- How many decisions are taken back after they were carried out? Lower is better.
CREATE SIGNAL rollback WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN rolled_back END AS num, decided AS den
FROM internal.cells;
