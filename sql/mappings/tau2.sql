-- Simulations of tau2-bench as decisions: one for each run, whose outcome is what the benchmark found in its database.
-- https://github.com/sierra-research/tau2-bench, table `runs`.
--   tidegate contract test decisions --view sql/mappings/tau2.sql runs.parquet
SELECT
  '1.0.0' AS schema_version,
  run_id AS decision_id,
  REPLACE(run_id, '-', '') AS trace_id,
  LEFT(REPLACE(run_id, '-', ''), 16) AS span_id,
  end_ts AS event_time,
  submitter AS tenant_id,
  'unknown' AS region,
  'simulation' AS environment,
  domain AS task_class,
  mode AS input_class,
  agent_impl AS agent_name,
  COALESCE(regexp_match(agent_llm, 'claude|gpt|gemini|deepseek|qwen|llama|grok')[1], 'other') AS model_family,
  agent_llm AS model_version,
  agent_impl AS prompt_template_version,
  'unversioned' AS policy_version,
  'unversioned' AS bundle_version,
  CASE
    WHEN termination_reason IN ('agent_error', 'too_many_errors') THEN 'error'
    WHEN success THEN 'accepted'
    WHEN NOT success THEN 'rejected'
    ELSE 'unknown'
  END AS outcome,
  termination_reason AS finish_reason,
  CAST(ROUND(duration_s * 1000000) AS BIGINT) AS latency_us,
  agent_prompt_tokens AS input_tokens,
  agent_completion_tokens AS output_tokens,
  CASE WHEN agent_cost_usd > 0 THEN CAST(ROUND(agent_cost_usd * 1000000000) AS BIGINT) END AS cost_nanousd,
  CAST(n_agent_tool_calls AS INT) AS tool_calls,
  CAST(n_agent_tool_errors AS INT) AS tool_failures,
  CAST(0 AS INT) AS retrievals,
  CAST(0 AS INT) AS guardrail_hits,
  'low' AS risk_class,
  'global' AS learning_scope,
  CAST(1.0 AS DOUBLE) AS sample_weight,
  'tau2-bench' AS source
FROM runs
