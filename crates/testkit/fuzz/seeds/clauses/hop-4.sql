CREATE STREAM hits (at TIMESTAMP, page VARCHAR, n BIGINT)
WITH (path = 'landing/hits/', format = 'parquet', event_time = 'at', tenant = 'page', watermark = INTERVAL '2 hours');
CREATE STREAM visits (at TIMESTAMP, person VARCHAR)
WITH (path = 'landing/visits/', format = 'parquet', event_time = 'at', watermark = INTERVAL '1 day');
CREATE SIGNAL s AS SELECT window_start, date_trunc('day', window_start) AS day, COUNT(*) AS n FROM HOP(hits, at, INTERVAL '1 hour', INTERVAL '2 hours') GROUP BY window_start, date_trunc('day', window_start);
