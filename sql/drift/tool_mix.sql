-- Are tools called otherwise than the day before? How many a decision calls, and in which schema, for each task.
-- Reference: the previous window. So a change is told once, on its first day.
CREATE SIGNAL tool_calls_by_task WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, task_class, freq(tool_calls) AS calls, freq(tool_schema_version) AS schemas
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start, task_class;

-- `new_schemas` is the share of decisions whose tool schema the day before did not know.
CREATE SIGNAL tool_mix_drift WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
WITH compared AS (
  SELECT window_start, task_class,
    drift(lag(calls) OVER days, calls) AS calls, drift(lag(schemas) OVER days, schemas) AS schemas
  FROM internal.tool_calls_by_task
  WINDOW days AS (PARTITION BY task_class ORDER BY window_start))
SELECT window_start, task_class,
  calls['verdict'] AS calls_verdict, calls['psi'] AS calls_psi, calls['threshold'] AS calls_threshold,
  schemas['verdict'] AS schemas_verdict, schemas['new_mass'] AS new_schemas, schemas['vanished_mass'] AS vanished_schemas
FROM compared;
