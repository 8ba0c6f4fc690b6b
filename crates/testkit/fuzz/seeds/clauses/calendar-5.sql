CREATE STREAM orders (at TIMESTAMP, n BIGINT)
WITH (path = 'landing/orders/', format = 'parquet', event_time = 'at', watermark = INTERVAL '40000 days', max_future_skew = INTERVAL '400 days', time_zone = 'Europe/Berlin');
CREATE STREAM plain (at TIMESTAMP, n BIGINT)
WITH (path = 'landing/plain/', format = 'parquet', event_time = 'at', watermark = INTERVAL '40000 days', max_future_skew = INTERVAL '400 days');
CREATE SIGNAL days_elsewhere WITH (time_zone = 'America/New_York') AS
SELECT window_start, window_end, SUM(n) AS n FROM TUMBLE(orders, at, INTERVAL '1 day') GROUP BY window_start, window_end;
