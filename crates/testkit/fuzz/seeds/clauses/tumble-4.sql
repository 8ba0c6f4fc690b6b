CREATE STREAM hits (at TIMESTAMP, page VARCHAR, n BIGINT)
WITH (path = 'landing/hits/', format = 'parquet', event_time = 'at', tenant = 'page', watermark = INTERVAL '110000 days');
CREATE SIGNAL renamed_below AS
SELECT window_start, until, page, COUNT(*) AS hits, SUM(n) AS total
FROM (SELECT window_start, window_end AS until, page, n FROM TUMBLE(hits, at, INTERVAL '1 hour'))
GROUP BY window_start, until, page;
