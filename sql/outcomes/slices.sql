-- What every rate over decisions reads: counts by task, model, risk and day, kept inside.
-- A row of a shadow is nobody's experience and counts nowhere.
CREATE SIGNAL slices WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, task_class, model_version, risk_class,
  COUNT(*) AS decided,
  COUNT(*) FILTER (WHERE outcome = 'accepted') AS accepted,
  COUNT(*) FILTER (WHERE outcome = 'escalated') AS escalated,
  COUNT(*) FILTER (WHERE outcome = 'rolled_back') AS rolled_back,
  COUNT(*) FILTER (WHERE override_reason IS NOT NULL) AS overridden,
  COUNT(*) FILTER (WHERE policy_result IS NOT NULL) AS policed,
  COUNT(*) FILTER (WHERE policy_result = 'block') AS blocked,
  COUNT(*) FILTER (WHERE fallback_used IS NOT NULL) AS fallback_known,
  COUNT(*) FILTER (WHERE fallback_used) AS fell_back
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE COALESCE(arm, '') <> 'shadow'
GROUP BY window_start, window_end, task_class, model_version, risk_class;
