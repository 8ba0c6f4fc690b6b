CREATE STREAM orders (at TIMESTAMP, n BIGINT)
WITH (path = 'landing/orders/', format = 'parquet', event_time = 'at', watermark = INTERVAL '40000 days', max_future_skew = INTERVAL '400 days', time_zone = 'Europe/Berlin');
CREATE STREAM plain (at TIMESTAMP, n BIGINT)
WITH (path = 'landing/plain/', format = 'parquet', event_time = 'at', watermark = INTERVAL '40000 days', max_future_skew = INTERVAL '400 days');
CREATE SIGNAL s AS SELECT window_start, window_end, COUNT(*) AS n FROM CUMULATE(plain, at, INTERVAL '1 month', INTERVAL '1 year') GROUP BY window_start, window_end;
