-- Results of the OpenHands Index as decisions: one for each task that an agent tried.
-- https://github.com/OpenHands/openhands-index-results, tables `instances` and `runs`.
--   tidegate contract test decisions --view sql/mappings/openhands.sql instances.parquet runs.parquet
-- Its tenant is the repository that was worked on; benchmarks without one have none, and such rows are set aside. Time and
-- latency are known of a whole run only: every instance has its run's.
WITH numbered AS (
  SELECT *, ROW_NUMBER() OVER (ORDER BY run_id, instance_id) AS number FROM instances
)
SELECT
  '1.0.0' AS schema_version,
  CONCAT('openhands-', number) AS decision_id,
  LPAD(TO_HEX(number), 32, '0') AS trace_id,
  LPAD(TO_HEX(number), 16, '0') AS span_id,
  numbered.submission_ts AS event_time,
  code_repo AS tenant_id,
  'unknown' AS region,
  'benchmark' AS environment,
  numbered.benchmark AS task_class,
  numbered.agent AS agent_name,
  numbered.agent_version AS agent_version,
  COALESCE(regexp_match(LOWER(numbered.model_version), 'claude|gpt|gemini|deepseek|qwen|kimi|glm|minimax|nemotron')[1], 'other') AS model_family,
  numbered.model_version AS model_version,
  'unversioned' AS prompt_template_version,
  numbered.agent_version AS policy_version,
  'unversioned' AS bundle_version,
  CASE resolved WHEN TRUE THEN 'accepted' WHEN FALSE THEN 'rejected' ELSE 'unknown' END AS outcome,
  CAST(ROUND(average_runtime_s * 1000000) AS BIGINT) AS latency_us,
  CASE WHEN cost_usd > 0 THEN CAST(ROUND(cost_usd * 1000000000) AS BIGINT) END AS cost_nanousd,
  CAST(0 AS INT) AS tool_calls,
  CAST(0 AS INT) AS tool_failures,
  CAST(0 AS INT) AS retrievals,
  CAST(0 AS INT) AS guardrail_hits,
  'low' AS risk_class,
  'global' AS learning_scope,
  CAST(1.0 AS DOUBLE) AS sample_weight,
  'openhands-index' AS source
FROM numbered JOIN runs ON numbered.run_id = runs.run_id AND numbered.benchmark = runs.benchmark
