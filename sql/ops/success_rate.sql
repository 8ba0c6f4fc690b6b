-- How many decisions end without a fault: no error type, and an outcome other than `error`? An answer that is wrong and arrives
-- is a success here; for that see outcomes/task_success.sql.
CREATE SIGNAL health WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, task_class, model_version, COUNT(*) AS decided,
  COUNT(*) FILTER (WHERE error_type IS NOT NULL OR outcome = 'error') AS faults
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE COALESCE(arm, '') <> 'shadow'
GROUP BY window_start, window_end, task_class, model_version;

CREATE SIGNAL success_rate WITH (version = '1.0.0', owner = 'platform', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version,
  decided - faults AS num, decided AS den, (decided - faults) / CAST(decided AS DOUBLE) AS rate
FROM internal.health;
