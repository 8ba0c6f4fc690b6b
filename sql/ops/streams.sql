-- What the recipes read: decisions and the labels that come later, as `tidegate generate` writes them. A column that your
-- files lack is null, and a recipe over it stays silent. Steps are declared in step_cells.sql.
CREATE STREAM decisions (
  decision_id VARCHAR, trace_id VARCHAR, event_time TIMESTAMP, tenant_id VARCHAR, user_token VARCHAR, task_class VARCHAR,
  model_version VARCHAR, prompt_template_version VARCHAR, policy_version VARCHAR, bundle_version VARCHAR, arm VARCHAR,
  outcome VARCHAR, error_type VARCHAR, latency_us BIGINT, time_to_first_token_us BIGINT)
WITH (
  path = 'landing/decisions/', format = 'parquet',
  event_time = 'event_time', watermark = INTERVAL '10 minutes', dedupe_key = 'decision_id, arm',
  tenant = 'tenant_id', privacy_unit = 'user_token');

-- Labels name decisions, and no user.
CREATE STREAM labels (
  label_id VARCHAR, decision_id VARCHAR, target_scope VARCHAR, label_kind VARCHAR, version BIGINT, op VARCHAR,
  labeled_at TIMESTAMP, ingested_at TIMESTAMP)
WITH (
  path = 'landing/labels/', format = 'parquet',
  event_time = 'labeled_at', watermark = INTERVAL '1 hour', dedupe_key = 'label_id');
