CREATE STREAM clicks (at TIMESTAMP, who VARCHAR, page VARCHAR, n BIGINT)
WITH (path = 'landing/clicks/', format = 'parquet', event_time = 'at', tenant = 'page', watermark = INTERVAL '3 days');
CREATE STREAM rooms (at TIMESTAMP, room VARCHAR, person VARCHAR)
WITH (path = 'landing/rooms/', format = 'parquet', event_time = 'at', privacy_unit = 'person', watermark = INTERVAL '1 day');
CREATE SIGNAL flink AS
SELECT window_start, window_end, lower(who) AS whom, SUM(n) AS total
FROM TABLE(SESSION(TABLE clicks, DESCRIPTOR(at), INTERVAL '30' MINUTES)) AS w
WHERE n > 1
GROUP BY lower(who), window_end, window_start
HAVING window_end - window_start > INTERVAL '30 minutes';
