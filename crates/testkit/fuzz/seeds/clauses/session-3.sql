CREATE STREAM clicks (at TIMESTAMP, who VARCHAR, page VARCHAR, n BIGINT)
WITH (path = 'landing/clicks/', format = 'parquet', event_time = 'at', tenant = 'page', watermark = INTERVAL '3 days');
CREATE STREAM rooms (at TIMESTAMP, room VARCHAR, person VARCHAR)
WITH (path = 'landing/rooms/', format = 'parquet', event_time = 'at', privacy_unit = 'person', watermark = INTERVAL '1 day');
CREATE SIGNAL partitioned AS
SELECT window_start, window_end, who, SUM(n) AS total
FROM TABLE(SESSION(TABLE clicks PARTITION BY who, DESCRIPTOR(at), INTERVAL '30' MINUTES))
GROUP BY window_start, window_end, who;
