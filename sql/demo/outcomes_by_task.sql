-- How did decisions end, hour by hour, for each kind of task and each model?
CREATE SIGNAL outcomes_by_task WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20, privacy_unit_column = user_token)
  window_start, window_end, task_class, model_version,
  COUNT(*) AS decisions,
  AVG(CAST(outcome = 'accepted' AS INT)) AS acceptance_rate,
  AVG(CAST(outcome = 'edited' AS INT)) AS edit_rate,
  AVG(latency_us) AS mean_latency_us,
  AVG(confidence) AS mean_confidence,
  SUM(cost_nanousd) AS cost_nanousd
FROM TUMBLE(decisions, event_time, INTERVAL '1 hour')
GROUP BY window_start, window_end, task_class, model_version;
