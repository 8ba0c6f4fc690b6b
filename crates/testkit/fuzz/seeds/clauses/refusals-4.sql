CREATE STREAM people (at TIMESTAMP, tenant VARCHAR, person VARCHAR, v BIGINT, w DOUBLE, t VARCHAR)
WITH (path = 'landing/people/', format = 'parquet', event_time = 'at', tenant = 'tenant', privacy_unit = 'person');
CREATE STREAM things (at TIMESTAMP, kind VARCHAR, v BIGINT, w DOUBLE, t VARCHAR, "window" VARCHAR)
WITH (path = 'landing/things/', format = 'parquet', event_time = 'at');
CREATE SIGNAL s AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3, privacy_unit_column = kind, below_threshold = CARRY)
  window_start, COUNT(*) AS n FROM HOP(things, at, INTERVAL '1 hour', INTERVAL '2 hours') GROUP BY window_start, window_end;
