CREATE STREAM bids (bidtime TIMESTAMP, item VARCHAR, price BIGINT)
WITH (path = 'landing/bids/', format = 'parquet', event_time = 'bidtime', watermark = INTERVAL '1 day');
CREATE SIGNAL tumbling AS
SELECT window_start, window_end, SUM(price) AS total
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(bidtime), INTERVAL '10' MINUTES))
GROUP BY window_start, window_end;
