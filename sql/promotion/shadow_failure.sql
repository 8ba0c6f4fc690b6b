-- Where a candidate runs in shadow of each decision: in how many does it fail alone, and in how many does the present version
-- fail alone? In a gate: `kind: paired`. Both saw the same case, so what makes cases differ is not in the variance, and far
-- fewer of them are needed.
-- A shadow's row has the `decision_id` and `user_token` of the decision it stands beside, the arm `shadow`, and a time at
-- most an hour away. Nobody saw its answer, so its outcome is not asked for: an error, or what a policy blocks, is a failure.
CREATE STREAM shadows (
  decision_id VARCHAR, event_time TIMESTAMP, user_token VARCHAR, arm VARCHAR, error_type VARCHAR, policy_result VARCHAR)
WITH (
  path = 'landing/decisions/', format = 'parquet',
  event_time = 'event_time', watermark = INTERVAL '10 minutes', dedupe_key = 'decision_id, arm',
  privacy_unit = 'user_token');

CREATE SIGNAL shadow_failure WITH (version = '1.0.0', owner = 'trust-eng', kind = 'paired') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end,
  (ascii(right(d.tenant_id, 1)) + 10 * ascii(right(d.tenant_id, 2)) + 100 * ascii(right(d.tenant_id, 3))) % 32 AS bucket,
  COUNT(*) AS pairs,
  COUNT(*) FILTER (WHERE s.has_failed AND NOT d.has_failed) AS gained,
  COUNT(*) FILTER (WHERE d.has_failed AND NOT s.has_failed) AS lost
FROM (
    SELECT *, error_type IS NOT NULL OR COALESCE(policy_result, '') = 'block' AS has_failed
    FROM TUMBLE(decisions, event_time, INTERVAL '1 day') WHERE arm = 'control') AS d
JOIN (
    SELECT *, error_type IS NOT NULL OR COALESCE(policy_result, '') = 'block' AS has_failed
    FROM shadows WHERE arm = 'shadow') AS s
  ON s.decision_id = d.decision_id AND s.user_token = d.user_token
    AND s.event_time BETWEEN d.event_time - INTERVAL '1 hour' AND d.event_time + INTERVAL '1 hour'
GROUP BY window_start, window_end, bucket;
