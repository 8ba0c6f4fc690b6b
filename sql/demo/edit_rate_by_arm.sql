-- The evidence of the gate: how often was an answer edited or rejected, by experiment arm and region?
-- A gate reads the columns arm, bucket, window_start, num and den.
CREATE SIGNAL edit_rate_by_arm WITH (version = '1.0.0', owner = 'trust-eng', kind = 'ratio') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20, privacy_unit_column = user_token)
  window_start, window_end, arm, region AS bucket,
  COUNT(*) FILTER (WHERE outcome IN ('edited', 'rejected')) AS num,
  COUNT(*) AS den
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE arm IN ('control', 'treatment')
GROUP BY window_start, window_end, arm, region;
