-- Decision traces of an AI assistant, as `tidegate generate` writes them.
-- The privacy unit makes the stream protected: every signal over it needs a privacy clause.
CREATE STREAM decisions WITH (
  path = 'landing/decisions/', format = 'parquet',
  event_time = 'event_time', watermark = INTERVAL '10 minutes',
  tenant = 'tenant_id', privacy_unit = 'user_token');
