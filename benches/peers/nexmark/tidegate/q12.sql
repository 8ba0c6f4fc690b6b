-- Bids of each bidder in ten seconds. Nexmark takes the time of the machine, Tidegate that of the event.
CREATE SIGNAL q12 AS
SELECT window_start, window_end, bidder, COUNT(*) AS bid_count
FROM TUMBLE(bid, date_time, INTERVAL '10 seconds')
GROUP BY window_start, window_end, bidder;
