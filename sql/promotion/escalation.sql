-- How many decisions are handed to a person? Lower is better, but an agent that should hand over and does not is no better:
-- judge it beside task success.
CREATE SIGNAL escalation WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN escalated END AS num, decided AS den
FROM internal.cells;
