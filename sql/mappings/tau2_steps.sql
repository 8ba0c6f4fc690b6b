-- What an agent said and which tools it called in tau2-bench, as steps of its runs. A step begins where the one before ends.
-- https://github.com/sierra-research/tau2-bench, table `steps`.
--   tidegate contract test decision_steps --view sql/mappings/tau2_steps.sql steps.parquet
WITH timed AS (
  SELECT *, COALESCE(LAG(ts) OVER (PARTITION BY run_id ORDER BY seq), ts) AS began FROM steps
)
SELECT
  'sierra' AS tenant_id,
  run_id AS decision_id,
  CAST(seq AS INT) AS step_no,
  CONCAT(LEFT(REPLACE(run_id, '-', ''), 12), LPAD(TO_HEX(seq), 4, '0')) AS span_id,
  CASE role WHEN 'tool' THEN 'tool' ELSE 'model_call' END AS step_kind,
  tool_names[1] AS name,
  CASE WHEN tool_error THEN 'error' ELSE 'ok' END AS status,
  began AS start_time,
  CAST((date_part('epoch', ts) - date_part('epoch', began)) * 1000000 AS BIGINT) AS duration_us,
  prompt_tokens AS input_tokens,
  completion_tokens AS output_tokens,
  CASE WHEN cost_usd > 0 THEN CAST(ROUND(cost_usd * 1000000000) AS BIGINT) END AS cost_nanousd
FROM timed
WHERE role IN ('assistant', 'tool')
