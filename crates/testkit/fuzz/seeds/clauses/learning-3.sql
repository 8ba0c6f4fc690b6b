CREATE STREAM decisions (at TIMESTAMP, tenant VARCHAR, person VARCHAR, scope VARCHAR, n BIGINT)
WITH (path = 'landing/decisions/', format = 'parquet', event_time = 'at', tenant = 'tenant', privacy_unit = 'person',
      learning_scope = 'scope');
CREATE STREAM open (at TIMESTAMP, tenant VARCHAR, scope VARCHAR, n BIGINT)
WITH (path = 'landing/open/', format = 'parquet', event_time = 'at', tenant = 'tenant', learning_scope = 'scope');
CREATE SIGNAL alarms WITH (scope = 'local', kind = 'ops') AS
SELECT window_start, tenant, COUNT(*) AS n, SUM(n) AS total
FROM TUMBLE(decisions, at, INTERVAL '1 day') GROUP BY window_start, window_end, tenant;
