-- What the recipes read: decisions and the labels that come later, as `tidegate generate` writes them. A column that your
-- files lack is null, and a recipe over it stays silent.
-- Decisions are protected: what recipes keep of them stays internal, and only comparisons are released.
CREATE STREAM decisions (
  decision_id VARCHAR, event_time TIMESTAMP, ingested_at TIMESTAMP, tenant_id VARCHAR, user_token VARCHAR,
  task_class VARCHAR, input_class VARCHAR, model_version VARCHAR, bundle_version VARCHAR,
  prompt_template_id VARCHAR, prompt_template_version VARCHAR, tool_schema_version VARCHAR,
  outcome VARCHAR, confidence DOUBLE, input_tokens BIGINT, output_tokens BIGINT, tool_calls BIGINT)
WITH (
  path = 'landing/decisions/', format = 'parquet',
  event_time = 'event_time', watermark = INTERVAL '10 minutes',
  tenant = 'tenant_id', privacy_unit = 'user_token');

-- Labels name decisions, and no user.
CREATE STREAM labels (label_id VARCHAR, decision_id VARCHAR, label_name VARCHAR, labeled_at TIMESTAMP)
WITH (path = 'landing/labels/', format = 'parquet', event_time = 'labeled_at', watermark = INTERVAL '1 hour');
