-- What every recipe over decisions reads: counts by arm, bucket and day, kept inside.
-- A bucket is a group of tenants that is independent of the others: a gate measures between buckets how much a rate varies
-- by itself. Tenants are put into 32 buckets by the last three characters of their names. The privacy unit cannot be
-- grouped by (TG203): where users are assigned, let who assigns them write a column `bucket`, and group by that.
CREATE SIGNAL cells WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, arm,
  (ascii(right(tenant_id, 1)) + 10 * ascii(right(tenant_id, 2)) + 100 * ascii(right(tenant_id, 3))) % 32 AS bucket,
  COUNT(*) AS decided,
  COUNT(*) FILTER (WHERE outcome = 'accepted') AS accepted,
  COUNT(*) FILTER (WHERE outcome IN ('edited', 'rejected')) AS corrected,
  COUNT(*) FILTER (WHERE outcome = 'escalated') AS escalated,
  COUNT(*) FILTER (WHERE outcome = 'rolled_back') AS rolled_back,
  COUNT(*) FILTER (WHERE latency_us > $latency_limit_us) AS slow,
  COUNT(*) FILTER (WHERE tool_calls > 0) AS used_tools,
  COUNT(*) FILTER (WHERE tool_calls > 0 AND tool_failures > 0) AS failed_tools,
  SUM(cost_nanousd) FILTER (WHERE cost_nanousd > 0) AS cost_nanousd,
  COUNT(*) FILTER (WHERE cost_nanousd > 0 AND outcome = 'accepted') AS priced_successes
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE arm IN ('control', 'treatment')
GROUP BY window_start, window_end, arm, bucket;
