-- What every recipe over labels reads: counts by arm, bucket and day, kept inside.
-- A day counts when the labels of two days are in: what people say later is not looked at, in either arm. Write the same
-- two days as `label_maturity` in gates.
-- Of each label the first word counts. What is said anew or taken back later (versions from 2 on) would count only where
-- somebody was quick. Labels of steps and sessions are left out.
CREATE SIGNAL labelled_cells WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, d.arm,
  (ascii(right(d.tenant_id, 1)) + 10 * ascii(right(d.tenant_id, 2)) + 100 * ascii(right(d.tenant_id, 3))) % 32 AS bucket,
  COUNT(DISTINCT d.decision_id) AS decided,
  COUNT(DISTINCT l.decision_id) AS labelled,
  COUNT(*) FILTER (WHERE l.label_kind = 'task_completed') AS tasks,
  COUNT(*) FILTER (WHERE l.label_kind = 'task_completed' AND l.label_value = 'yes') AS completed,
  COUNT(*) FILTER (WHERE l.label_kind = 'hallucination' AND l.annotator_kind = 'HUMAN') AS read_by_people,
  COUNT(*) FILTER (
    WHERE l.label_kind = 'hallucination' AND l.annotator_kind = 'HUMAN' AND l.label_value = 'present') AS seen_by_people,
  COUNT(*) FILTER (WHERE l.label_kind = 'hallucination' AND l.annotator_kind = 'LLM') AS read_by_models,
  COUNT(*) FILTER (
    WHERE l.label_kind = 'hallucination' AND l.annotator_kind = 'LLM' AND l.label_value = 'present') AS seen_by_models
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') AS d
LEFT JOIN (SELECT * FROM labels WHERE version = 1 AND op = 'assert' AND target_scope = 'decision') AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '2 days'
WHERE d.arm IN ('control', 'treatment')
GROUP BY window_start, window_end, d.arm, bucket;
