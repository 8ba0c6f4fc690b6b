CREATE STREAM hits (at TIMESTAMP, page VARCHAR, n BIGINT)
WITH (path = 'landing/hits/', format = 'parquet', event_time = 'at', tenant = 'page', watermark = INTERVAL '110000 days');
CREATE SIGNAL in_derived_table AS
SELECT window_start, window_end, page, COUNT(*) AS hits, SUM(n) AS total
FROM (SELECT window_start, window_end, page, n FROM TUMBLE(hits, at, INTERVAL '1 hour')) AS windows
GROUP BY window_start, window_end, page;
