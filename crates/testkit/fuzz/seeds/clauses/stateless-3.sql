CREATE STREAM calls (at TIMESTAMP, tool VARCHAR, latency BIGINT, tags VARCHAR[])
WITH (path = 'landing/calls/', format = 'parquet', event_time = 'at', tenant = 'tool', watermark = INTERVAL '30 days');
CREATE STREAM people (at TIMESTAMP, person VARCHAR, v BIGINT)
WITH (path = 'landing/people/', format = 'parquet', event_time = 'at', privacy_unit = 'person');
CREATE SIGNAL s AS SELECT window_start, tool FROM TUMBLE(calls, at, INTERVAL '1 hour');
