CREATE STREAM sales (at TIMESTAMP, shop VARCHAR, n BIGINT)
WITH (path = 'landing/sales/', format = 'parquet', event_time = 'at', watermark = INTERVAL '20 hours');
CREATE SIGNAL by_shop AS
SELECT shop, window_end, window_start, SUM(n) AS total
FROM CUMULATE(sales, at, INTERVAL '12 hours', INTERVAL '1 day')
GROUP BY shop, window_start, window_end HAVING window_end - window_start < INTERVAL '24 hours';
