-- Does the policy block what it should? Against labels of kind `policy`: `fail` says that the decision breaks a policy, `pass`
-- that it does not. `precision` is the share of blocks that were right, `recall` the share of breaches that were blocked.
-- Only what was labelled is counted. Where people review what was blocked more than what was let through, misses are rarer
-- here than in truth: `labelled` of `blocked` and of `passed` say how far that goes.
CREATE SIGNAL policy_cells WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, d.policy_version,
  COUNT(DISTINCT d.decision_id) FILTER (WHERE d.policy_result = 'block') AS blocked,
  COUNT(DISTINCT d.decision_id) FILTER (WHERE d.policy_result <> 'block') AS passed,
  COUNT(*) FILTER (WHERE d.policy_result = 'block' AND l.label_value = 'fail') AS right_blocks,
  COUNT(*) FILTER (WHERE d.policy_result = 'block' AND l.label_value = 'pass') AS wrong_blocks,
  COUNT(*) FILTER (WHERE d.policy_result <> 'block' AND l.label_value = 'fail') AS misses,
  COUNT(*) FILTER (WHERE d.policy_result <> 'block' AND l.label_value = 'pass') AS right_passes
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') AS d
LEFT JOIN (
    SELECT * FROM labels
    WHERE version = 1 AND op = 'assert' AND target_scope = 'decision' AND label_kind = 'policy') AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '2 days'
WHERE d.policy_result IS NOT NULL AND COALESCE(d.arm, '') <> 'shadow'
GROUP BY window_start, window_end, d.policy_version;

CREATE SIGNAL policy_accuracy WITH (version = '1.0.0', owner = 'safety', kind = 'rate') AS
SELECT window_start, window_end, policy_version, blocked, passed, right_blocks, wrong_blocks, misses, right_passes,
  right_blocks / CAST(NULLIF(right_blocks + wrong_blocks, 0) AS DOUBLE) AS precision,
  right_blocks / CAST(NULLIF(right_blocks + misses, 0) AS DOUBLE) AS recall,
  (right_blocks + right_passes) / CAST(NULLIF(right_blocks + wrong_blocks + misses + right_passes, 0) AS DOUBLE) AS accuracy
FROM internal.policy_cells;
