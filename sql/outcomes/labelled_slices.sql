-- What every rate over labels reads: counts by task, model, risk and day, kept inside.
-- A day counts when the labels of two days are in, and what is said later counts nowhere. Of each label the first word
-- counts; labels of steps and sessions are left out.
CREATE SIGNAL labelled_slices WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, d.task_class, d.model_version, d.risk_class,
  COUNT(DISTINCT d.decision_id) AS decided,
  -- Whoever says that an answer was right has corrected nothing.
  COUNT(DISTINCT l.decision_id) FILTER (
    WHERE l.label_kind = 'correction' AND COALESCE(l.label_value, '') <> 'right') AS corrected,
  COUNT(*) FILTER (WHERE l.label_kind = 'task_completed') AS tasks,
  COUNT(*) FILTER (WHERE l.label_kind = 'task_completed' AND l.label_value = 'yes') AS completed,
  COUNT(*) FILTER (WHERE l.label_kind = 'task_completed' AND d.outcome = 'accepted') AS accepted_tasks,
  COUNT(*) FILTER (
    WHERE l.label_kind = 'task_completed' AND d.outcome = 'accepted' AND l.label_value = 'no') AS accepted_failures,
  SUM(d.cost_nanousd) FILTER (WHERE l.label_kind = 'task_completed' AND d.cost_nanousd > 0) AS cost_nanousd,
  COUNT(*) FILTER (
    WHERE l.label_kind = 'task_completed' AND l.label_value = 'yes' AND d.cost_nanousd > 0) AS priced_completed,
  COUNT(*) FILTER (WHERE l.label_kind = 'hallucination' AND l.annotator_kind = 'HUMAN') AS read_by_people,
  COUNT(*) FILTER (
    WHERE l.label_kind = 'hallucination' AND l.annotator_kind = 'HUMAN' AND l.label_value = 'present') AS seen_by_people,
  COUNT(*) FILTER (WHERE l.label_kind = 'hallucination' AND l.annotator_kind = 'LLM') AS read_by_models,
  COUNT(*) FILTER (
    WHERE l.label_kind = 'hallucination' AND l.annotator_kind = 'LLM' AND l.label_value = 'present') AS seen_by_models,
  COUNT(DISTINCT l.decision_id) FILTER (WHERE l.label_kind = 'rating' AND l.score IS NOT NULL) AS rated,
  COUNT(l.score) FILTER (WHERE l.label_kind = 'rating') AS ratings,
  SUM(l.score) FILTER (WHERE l.label_kind = 'rating') AS rating_sum,
  COUNT(*) FILTER (WHERE l.label_kind = 'rating' AND l.score < 0.5) AS low_ratings,
  COUNT(DISTINCT l.decision_id) FILTER (WHERE l.source_system = 'support') AS supported,
  COUNT(DISTINCT l.decision_id) FILTER (WHERE l.label_kind = 'policy') AS reviewed,
  COUNT(DISTINCT l.decision_id) FILTER (WHERE l.label_kind = 'policy' AND l.label_value = 'fail') AS violated,
  COUNT(DISTINCT l.decision_id) FILTER (
    WHERE l.label_kind = 'policy' AND l.failed_policy = 'personal_data') AS exposed,
  COUNT(DISTINCT d.decision_id) FILTER (WHERE d.retrievals > 0) AS retrieved,
  -- The best hit was poor, or a reviewer says what was missing.
  COUNT(DISTINCT d.decision_id) FILTER (
    WHERE d.retrievals > 0 AND (d.retrieval_confidence < 0.5 OR l.missing_context IS NOT NULL)) AS mismatched
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') AS d
LEFT JOIN (SELECT * FROM labels WHERE version = 1 AND op = 'assert' AND target_scope = 'decision') AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '2 days'
WHERE COALESCE(d.arm, '') <> 'shadow'
GROUP BY window_start, window_end, d.task_class, d.model_version, d.risk_class;
