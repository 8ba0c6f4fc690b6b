-- What the recipes read: decisions and the labels that come later, as `tidegate generate` writes them. A column that your
-- files lack is null, and a recipe over it stays silent.
CREATE STREAM decisions (
  decision_id VARCHAR, event_time TIMESTAMP, tenant_id VARCHAR, user_token VARCHAR, task_class VARCHAR,
  policy_version VARCHAR, arm VARCHAR, outcome VARCHAR, override_reason VARCHAR, policy_result VARCHAR, error_type VARCHAR,
  tool_failures INT, learning_scope VARCHAR)
WITH (
  path = 'landing/decisions/', format = 'parquet',
  event_time = 'event_time', watermark = INTERVAL '10 minutes', dedupe_key = 'decision_id, arm',
  tenant = 'tenant_id', privacy_unit = 'user_token');

-- Labels name decisions, and no user.
CREATE STREAM labels (
  label_id VARCHAR, decision_id VARCHAR, target_scope VARCHAR, label_name VARCHAR, label_kind VARCHAR, label_value VARCHAR,
  annotator_kind VARCHAR, identifier VARCHAR, version BIGINT, op VARCHAR, labeled_at TIMESTAMP)
WITH (
  path = 'landing/labels/', format = 'parquet',
  event_time = 'labeled_at', watermark = INTERVAL '1 hour', dedupe_key = 'label_id');
