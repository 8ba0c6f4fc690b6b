-- Opt-in analytics of a coding assistant, rebuilt from git history: one person made 99.6 % of the events.
CREATE STREAM aider WITH (
  path = $real_data || '/aider_telemetry/events.parquet',
  event_time = 'event_ts', watermark = INTERVAL '1 day');

CREATE SIGNAL aider_sends_hourly AS
SELECT window_start, window_end, COUNT(*) AS n
FROM TUMBLE(aider, event_ts, INTERVAL '1 hour')
WHERE event = 'message_send'
GROUP BY window_start, window_end;

CREATE SIGNAL aider_sends_monthly AS
SELECT date_trunc('month', event_ts) AS month,
  COUNT(*) AS n,
  COUNT(DISTINCT main_model) AS models,
  SUM(total_tokens) AS tokens,
  SUM(cost_usd) AS cost
FROM aider
WHERE event = 'message_send'
GROUP BY date_trunc('month', event_ts);

CREATE SIGNAL aider_sessions AS
SELECT window_start, window_end, user_id, COUNT(*) AS n
FROM SESSION(aider, event_ts, INTERVAL '30 minutes')
WHERE user_id IS NOT NULL
GROUP BY window_start, window_end, user_id;

-- Which models can be shown at all, when a cohort must hold k people?
CREATE SIGNAL aider_models_of_2 AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = user_id)
  main_model, COUNT(*) AS n
FROM aider WHERE event = 'message_send' GROUP BY main_model;

CREATE SIGNAL aider_models_of_3 AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3, privacy_unit_column = user_id)
  main_model, COUNT(*) AS n
FROM aider WHERE event = 'message_send' GROUP BY main_model;

CREATE SIGNAL aider_models_of_5 AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 5, privacy_unit_column = user_id)
  main_model, COUNT(*) AS n
FROM aider WHERE event = 'message_send' GROUP BY main_model;
