-- From how many decisions is there something to learn? Where a person overrode, where it was handed over, where it went well
-- although a step had failed, and where a policy blocked. `candidates` counts each decision once.
-- By scope: what is `local` stays with its tenant, from `none` nothing may be learned, and people may still look at it. The
-- decisions themselves are rows of people and are not released; this is how many to expect.
CREATE SIGNAL learning_candidates WITH (version = '1.0.0', owner = 'trust-eng', kind = 'count') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, task_class, learning_scope,
  COUNT(*) AS decided,
  COUNT(*) FILTER (WHERE is_overridden) AS overridden,
  COUNT(*) FILTER (WHERE is_escalated) AS escalated,
  COUNT(*) FILTER (WHERE is_recovered) AS recovered,
  COUNT(*) FILTER (WHERE is_blocked) AS blocked,
  COUNT(*) FILTER (WHERE is_overridden OR is_escalated OR is_recovered OR is_blocked) AS candidates
FROM (
    SELECT *, override_reason IS NOT NULL AS is_overridden, outcome = 'escalated' AS is_escalated,
      outcome = 'accepted' AND (error_type IS NOT NULL OR COALESCE(tool_failures, 0) > 0) AS is_recovered,
      COALESCE(policy_result, '') = 'block' AS is_blocked
    FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
    -- Permanent holdouts are never learned from, or they hold nothing out.
    WHERE COALESCE(arm, '') NOT IN ('shadow', 'holdout'))
GROUP BY window_start, window_end, task_class, learning_scope;
