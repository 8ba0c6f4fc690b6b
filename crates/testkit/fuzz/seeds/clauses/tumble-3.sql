CREATE STREAM hits (at TIMESTAMP, page VARCHAR, n BIGINT)
WITH (path = 'landing/hits/', format = 'parquet', event_time = 'at', tenant = 'page', watermark = INTERVAL '110000 days');
CREATE SIGNAL in_cte AS
WITH windows AS (SELECT * FROM TUMBLE(hits, at, INTERVAL '1 hour'))
SELECT window_start, window_end, page, COUNT(*) AS hits, SUM(n) AS total
FROM windows GROUP BY window_start, window_end, page;
