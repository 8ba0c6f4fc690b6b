-- Would learning follow one workflow, or one tenant? Over labelled decisions that may be learned from everywhere, week by week:
-- the largest share, and the Herfindahl index (1 is a single one, 1/n are n alike). Whose share it is, is not said.
-- Tenants and tasks of fewer than 20 people are left out, so both numbers lean upwards where there are many of these.
CREATE SIGNAL learning_by_task WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, d.task_class AS part, COUNT(DISTINCT d.decision_id) AS n
FROM TUMBLE(decisions, event_time, INTERVAL '7 days') AS d
JOIN (SELECT * FROM labels WHERE version = 1 AND op = 'assert' AND target_scope = 'decision') AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '2 days'
WHERE d.learning_scope = 'global' AND COALESCE(d.arm, '') <> 'holdout'
GROUP BY window_start, window_end, d.task_class;

CREATE SIGNAL learning_by_tenant WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, d.tenant_id AS part, COUNT(DISTINCT d.decision_id) AS n
FROM TUMBLE(decisions, event_time, INTERVAL '7 days') AS d
JOIN (SELECT * FROM labels WHERE version = 1 AND op = 'assert' AND target_scope = 'decision') AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '2 days'
WHERE d.learning_scope = 'global' AND COALESCE(d.arm, '') <> 'holdout'
GROUP BY window_start, window_end, d.tenant_id;

CREATE SIGNAL concentration WITH (version = '1.0.0', owner = 'trust-eng', kind = 'distribution') AS
WITH parts AS (
  SELECT 'task_class' AS dimension, * FROM internal.learning_by_task
  UNION ALL
  SELECT 'tenant_id' AS dimension, * FROM internal.learning_by_tenant),
shares AS (
  SELECT window_start, window_end, dimension, n,
    n / CAST(SUM(n) OVER (PARTITION BY window_start, dimension) AS DOUBLE) AS share
  FROM parts)
SELECT window_start, window_end, dimension, COUNT(*) AS parts, SUM(n) AS decisions,
  MAX(share) AS largest_share, SUM(share * share) AS herfindahl
FROM shares
GROUP BY window_start, window_end, dimension;
