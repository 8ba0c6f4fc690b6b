-- In how many decisions did an annotator find personal data that should not have been there? For a `hard_limit`, as
-- policy_violation is. The denominator is all decisions: most are never looked at, so this is a floor of the true rate.
-- Six hours of labels, and not two days: a limit that waits stops nothing, and a gate passes no limit while days are missing.
CREATE SIGNAL sensitive_exposure WITH (version = '1.0.0', owner = 'safety', kind = 'rate', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2)
  window_start, window_end, d.arm, 'all' AS bucket,
  COUNT(DISTINCT l.decision_id) AS num,
  COUNT(DISTINCT d.decision_id) AS den
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') AS d
LEFT JOIN (
    SELECT * FROM labels
    WHERE version = 1 AND op = 'assert' AND label_kind = 'policy' AND failed_policy = 'personal_data') AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '6 hours'
WHERE d.arm IN ('control', 'treatment')
GROUP BY window_start, window_end, d.arm;
