-- What the recipes read: decisions and the labels that come later, as `tidegate generate` writes them. A column that your
-- files lack is null, and a recipe over it says 0 of 0.
CREATE STREAM decisions (
  decision_id VARCHAR, event_time TIMESTAMP, tenant_id VARCHAR, user_token VARCHAR, user_role VARCHAR, region VARCHAR,
  task_class VARCHAR, model_version VARCHAR, risk_class VARCHAR, arm VARCHAR, outcome VARCHAR, override_reason VARCHAR,
  policy_result VARCHAR, fallback_used BOOLEAN, retrievals INT, retrieval_confidence DOUBLE, cost_nanousd BIGINT)
WITH (
  path = 'landing/decisions/', format = 'parquet',
  event_time = 'event_time', watermark = INTERVAL '10 minutes', dedupe_key = 'decision_id, arm',
  tenant = 'tenant_id', privacy_unit = 'user_token');

-- Labels name decisions, and no user.
CREATE STREAM labels (
  label_id VARCHAR, decision_id VARCHAR, target_scope VARCHAR, label_kind VARCHAR, label_value VARCHAR, score DOUBLE,
  annotator_kind VARCHAR, failed_policy VARCHAR, missing_context VARCHAR, source_system VARCHAR,
  version BIGINT, op VARCHAR, labeled_at TIMESTAMP)
WITH (
  path = 'landing/labels/', format = 'parquet',
  event_time = 'labeled_at', watermark = INTERVAL '1 hour', dedupe_key = 'label_id');
