CREATE STREAM sales (at TIMESTAMP, shop VARCHAR, n BIGINT)
WITH (path = 'landing/sales/', format = 'parquet', event_time = 'at', watermark = INTERVAL '20 hours');
CREATE SIGNAL s AS SELECT window_start, window_end, SUM(n) AS n FROM CUMULATE(sales, at, INTERVAL '1 hour', INTERVAL '1 day') WHERE window_end > at GROUP BY window_start, window_end;
