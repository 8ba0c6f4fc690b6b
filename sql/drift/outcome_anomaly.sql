-- Are more answers edited or rejected than at this hour of this weekday in the weeks before?
-- Reference: the same hour of the week, up to eight weeks back. A value counts as an anomaly where those weeks would
-- rarely predict it (Student's t), however much they vary among themselves. It takes three weeks to say anything.
CREATE SIGNAL outcome_rates WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, task_class, COUNT(*) AS decisions,
  AVG(CAST(outcome IN ('edited', 'rejected') AS INT)) AS correction_rate
FROM TUMBLE(decisions, event_time, INTERVAL '1 hour')
GROUP BY window_start, task_class;

CREATE SIGNAL outcome_anomaly WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
WITH judged AS (
  SELECT window_start, task_class, decisions, correction_rate,
    anomaly_t(correction_rate) OVER (
      PARTITION BY task_class, hour_of_week(window_start) ORDER BY window_start
      ROWS BETWEEN 8 PRECEDING AND 1 PRECEDING) AS a
  FROM released.outcome_rates)
SELECT window_start, task_class, decisions, correction_rate,
  a['mean'] AS expected_rate, a['k'] AS weeks, a['p'] AS p_value, a['verdict'] AS verdict
FROM judged;
