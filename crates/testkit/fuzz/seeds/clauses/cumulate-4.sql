CREATE STREAM sales (at TIMESTAMP, shop VARCHAR, n BIGINT)
WITH (path = 'landing/sales/', format = 'parquet', event_time = 'at', watermark = INTERVAL '20 hours');
CREATE SIGNAL so_far AS
SELECT window_start, window_end, SUM(n) AS total, COUNT(DISTINCT shop) AS shops
FROM CUMULATE(sales, at, INTERVAL '6 hours', INTERVAL '1 day')
GROUP BY window_start, window_end;
