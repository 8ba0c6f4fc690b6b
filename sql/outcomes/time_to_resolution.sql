-- How long does it take until a task is done that went wrong at first? For each week and each way to go wrong: the rows of
-- `error` are the time to recover from an error. In seconds, from the decision to the label that says so.
-- What is not resolved within seven days is in no quantile: read them beside `resolved` of `opened`. Where fewer than 20 people
-- stand behind the times, they are null.
CREATE SIGNAL time_to_resolution WITH (version = '1.0.0', owner = 'trust-eng', kind = 'quantile') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, d.task_class, d.outcome,
  COUNT(DISTINCT d.decision_id) AS opened, COUNT(DISTINCT l.decision_id) AS resolved,
  CASE WHEN COUNT(DISTINCT d.user_token) FILTER (WHERE l.decision_id IS NOT NULL) >= 20
    THEN percentile_cont(freshness(d.event_time, l.labeled_at), 0.5) END AS p50_s,
  CASE WHEN COUNT(DISTINCT d.user_token) FILTER (WHERE l.decision_id IS NOT NULL) >= 20
    THEN percentile_cont(freshness(d.event_time, l.labeled_at), 0.9) END AS p90_s
FROM TUMBLE(decisions, event_time, INTERVAL '7 days') AS d
LEFT JOIN (
    SELECT * FROM labels
    WHERE version = 1 AND op = 'assert' AND target_scope = 'decision'
      AND label_kind = 'task_completed' AND label_value = 'yes') AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '7 days'
WHERE d.outcome IN ('escalated', 'rejected', 'rolled_back', 'error') AND COALESCE(d.arm, '') <> 'shadow'
GROUP BY window_start, window_end, d.task_class, d.outcome;
