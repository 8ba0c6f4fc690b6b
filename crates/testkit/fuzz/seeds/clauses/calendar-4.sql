CREATE STREAM orders (at TIMESTAMP, n BIGINT)
WITH (path = 'landing/orders/', format = 'parquet', event_time = 'at', watermark = INTERVAL '40000 days', max_future_skew = INTERVAL '400 days', time_zone = 'Europe/Berlin');
CREATE STREAM plain (at TIMESTAMP, n BIGINT)
WITH (path = 'landing/plain/', format = 'parquet', event_time = 'at', watermark = INTERVAL '40000 days', max_future_skew = INTERVAL '400 days');
CREATE SIGNAL years AS
SELECT window_start, until, SUM(n) AS n
FROM (SELECT window_start, window_end AS until, n FROM TUMBLE(orders, at, INTERVAL '1 year')) GROUP BY window_start, until;
