CREATE STREAM bids (bidtime TIMESTAMP, item VARCHAR, price BIGINT)
WITH (path = 'landing/bids/', format = 'parquet', event_time = 'bidtime', watermark = INTERVAL '1 day');
CREATE SIGNAL cumulating AS
SELECT window_start, window_end, SUM(price) AS total
FROM table(cumulate(table bids, descriptor(bidtime), interval '2' minutes, interval '10' minutes))
GROUP BY window_start, window_end;
