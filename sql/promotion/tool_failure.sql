-- Of the decisions that called tools, in how many did a call fail? Lower is better.
CREATE SIGNAL tool_failure WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN failed_tools END AS num, used_tools AS den
FROM internal.cells;
