-- How long do answers take? In microseconds, exactly, for each task and model. A 99th percentile needs many to speak about, and
-- near the edge it is one row's own time: so the threshold is 100 people.
-- Percentiles of hours, tasks or models do not add up to that of all; promotion/slow_answers.sql counts what does.
CREATE SIGNAL latency_quantiles WITH (version = '1.0.0', owner = 'platform', kind = 'quantile') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 100)
  window_start, window_end, task_class, model_version, COUNT(*) AS decided,
  percentile_cont(latency_us, 0.5) AS p50_us, percentile_cont(latency_us, 0.95) AS p95_us,
  percentile_cont(latency_us, 0.99) AS p99_us,
  percentile_cont(time_to_first_token_us, 0.5) AS first_token_p50_us,
  percentile_cont(time_to_first_token_us, 0.95) AS first_token_p95_us
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE COALESCE(arm, '') <> 'shadow'
GROUP BY window_start, window_end, task_class, model_version;
