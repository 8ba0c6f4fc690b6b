-- Do labels come later than they did, or to fewer decisions? Then rates over labels speak of other decisions than before.
-- Reference: the previous window. A day is judged when the labels of seven days are in.
CREATE SIGNAL label_delays WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, d.task_class, COUNT(*) AS n, COUNT(l.label_id) AS labels,
  ddsketch(freshness(d.event_time, l.labeled_at)) AS delay
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') AS d
LEFT JOIN labels AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '7 days'
GROUP BY window_start, d.task_class;

-- `moved_by_s` is in seconds. `unlabelled` is the share of rows (decisions, one row for each of their labels) without one.
CREATE SIGNAL label_delay_drift WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
WITH compared AS (
  SELECT window_start, task_class, labels, null_rate(n - labels, n) AS unlabelled,
    drift(lag(delay) OVER (PARTITION BY task_class ORDER BY window_start), delay) AS d
  FROM internal.label_delays)
SELECT window_start, task_class, labels, unlabelled,
  d['verdict'] AS verdict, d['psi'] AS psi, d['threshold'] AS threshold, d['w1'] AS moved_by_s
FROM compared;
