-- What every recipe over steps reads: counts and times by kind and name of a step and day, kept inside.
-- Steps are not generated, and are another folder: leave this and what reads it (step_latency, step_failure, policy_trigger)
-- out where you have none. A step belongs to the decision that ends within an hour after it began; longer ones are left out.
CREATE STREAM decision_steps (
  tenant_id VARCHAR, decision_id VARCHAR, step_no INT, step_kind VARCHAR, name VARCHAR, status VARCHAR,
  start_time TIMESTAMP, duration_us BIGINT)
WITH (
  path = 'landing/decision_steps/', format = 'parquet',
  event_time = 'start_time', watermark = INTERVAL '10 minutes', dedupe_key = 'decision_id, step_no', tenant = 'tenant_id');

-- Steps name no user; their decisions do, so people are counted. What is skipped has not run, and took no time.
CREATE SIGNAL step_cells WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, s.step_kind, s.name,
  COUNT(*) AS ran,
  COUNT(DISTINCT s.decision_id) AS decisions,
  COUNT(*) FILTER (WHERE s.status = 'error') AS failed,
  COUNT(*) FILTER (WHERE s.status = 'blocked') AS blocked,
  percentile_cont(s.duration_us, 0.5) AS p50_us,
  percentile_cont(s.duration_us, 0.95) AS p95_us
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') AS d
JOIN (SELECT * FROM decision_steps WHERE status <> 'skipped') AS s
  ON s.decision_id = d.decision_id AND s.start_time BETWEEN d.event_time - INTERVAL '1 hour' AND d.event_time
WHERE COALESCE(d.arm, '') <> 'shadow'
GROUP BY window_start, window_end, s.step_kind, s.name;
