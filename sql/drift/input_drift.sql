-- Do other inputs arrive than those a model was accepted on? For each task and model, day by day.
-- Reference: a fixed baseline. Move its end when you accept a new version, and everything is compared with that.
CREATE SIGNAL inputs_by_task WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, task_class, model_version,
  freq(input_class) AS classes, ddsketch(input_tokens) AS tokens
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start, task_class, model_version;

-- An alarm is a row whose verdict is `drift`; classes and sizes are judged apart.
CREATE SIGNAL input_drift WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
WITH baseline AS (
  SELECT task_class, model_version, freq_merge(classes) AS classes, ddsketch_merge(tokens) AS tokens
  FROM internal.inputs_by_task
  WHERE window_start < TIMESTAMP '2026-01-08 00:00:00'
  GROUP BY task_class, model_version),
compared AS (
  SELECT now.window_start, now.task_class, now.model_version,
    drift(baseline.classes, now.classes) AS classes, drift(baseline.tokens, now.tokens) AS tokens
  FROM internal.inputs_by_task AS now
  JOIN baseline ON baseline.task_class = now.task_class AND baseline.model_version = now.model_version
  WHERE now.window_start >= TIMESTAMP '2026-01-08 00:00:00')
SELECT window_start, task_class, model_version,
  classes['verdict'] AS classes_verdict, classes['psi'] AS classes_psi, classes['threshold'] AS classes_threshold,
  tokens['verdict'] AS tokens_verdict, tokens['psi'] AS tokens_psi, tokens['threshold'] AS tokens_threshold,
  tokens['out_of_range'] AS tokens_out_of_range
FROM compared;
