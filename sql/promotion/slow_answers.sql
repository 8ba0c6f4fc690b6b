-- How many answers take longer than the control's 95th percentile used to be? Lower is better; 5% is as before.
-- A percentile has no counts that add up over buckets and days, and the share beyond a fixed limit has. The limit is
-- `latency_limit_us` in `tidegate.toml`: set it once, before the step begins, to 1.1 times the 95th percentile of the control.
CREATE SIGNAL slow_answers WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN slow END AS num, decided AS den
FROM internal.cells;
