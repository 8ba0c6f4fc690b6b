-- Aider's analytics as decisions: one for each message that was answered or failed.
-- https://github.com/Aider-AI/aider, table `events` of its opt-in analytics.
--   tidegate contract test decisions --view sql/mappings/aider.sql events.parquet
-- Its latency is the time since the message was sent; older versions did not report that, and such rows are set aside.
WITH messages AS (
  SELECT *,
    LAG(event) OVER (PARTITION BY user_id ORDER BY event_ts, event_id) AS before,
    LAG(event_ts) OVER (PARTITION BY user_id ORDER BY event_ts, event_id) AS before_ts,
    LEAD(event) OVER (PARTITION BY user_id ORDER BY event_ts, event_id) AS after
  FROM events
  WHERE event IN ('message_send_starting', 'message_send', 'message_send_exception', 'command_undo')
)
SELECT
  '1.0.0' AS schema_version,
  CONCAT('aider-', event_id) AS decision_id,
  LPAD(TO_HEX(event_id), 32, '0') AS trace_id,
  LPAD(TO_HEX(event_id), 16, '0') AS span_id,
  event_ts AS event_time,
  'aider' AS tenant_id,
  user_id AS user_token,
  'unknown' AS region,
  'unknown' AS environment,
  COALESCE(edit_format, 'unknown') AS task_class,
  'aider' AS agent_name,
  aider_version AS agent_version,
  split_part(main_model, '/', 1) AS provider,
  COALESCE(regexp_match(main_model, 'claude|gpt|gemini|deepseek|qwen|llama|grok')[1], 'other') AS model_family,
  main_model AS model_version,
  'unversioned' AS prompt_template_version,
  COALESCE(aider_version, 'unversioned') AS policy_version,
  'unversioned' AS bundle_version,
  CASE
    WHEN event = 'message_send_exception' THEN 'error'
    WHEN after = 'command_undo' THEN 'rolled_back'
    ELSE 'unknown'
  END AS outcome,
  CASE WHEN before = 'message_send_starting'
    THEN CAST((date_part('epoch', event_ts) - date_part('epoch', before_ts)) * 1000000 AS BIGINT)
  END AS latency_us,
  prompt_tokens AS input_tokens,
  completion_tokens AS output_tokens,
  -- A cost of 0 is a free tier or no price.
  CASE WHEN cost_usd > 0 THEN CAST(ROUND(cost_usd * 1000000000) AS BIGINT) END AS cost_nanousd,
  CAST(0 AS INT) AS tool_calls,
  CAST(0 AS INT) AS tool_failures,
  CAST(0 AS INT) AS retrievals,
  CAST(0 AS INT) AS guardrail_hits,
  'low' AS risk_class,
  'local' AS learning_scope,
  CAST(1.0 AS DOUBLE) AS sample_weight,
  'aider-analytics' AS source
FROM messages
WHERE event IN ('message_send', 'message_send_exception')
