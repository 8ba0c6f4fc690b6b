CREATE STREAM calls (at TIMESTAMP, tool VARCHAR, latency BIGINT, tags VARCHAR[])
WITH (path = 'landing/calls/', format = 'parquet', event_time = 'at', tenant = 'tool', watermark = INTERVAL '30 days');
CREATE STREAM people (at TIMESTAMP, person VARCHAR, v BIGINT)
WITH (path = 'landing/people/', format = 'parquet', event_time = 'at', privacy_unit = 'person');
CREATE SIGNAL s AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20) v FROM people;
