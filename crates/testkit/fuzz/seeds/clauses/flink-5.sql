CREATE STREAM bids (bidtime TIMESTAMP, item VARCHAR, price BIGINT)
WITH (path = 'landing/bids/', format = 'parquet', event_time = 'bidtime', watermark = INTERVAL '1 day');
CREATE SIGNAL hopping AS
SELECT window_start, window_end, SUM(price) AS total
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(bidtime), INTERVAL '5' MINUTES, INTERVAL '10' MINUTES)) AS w
GROUP BY w.window_start, w.window_end;
