-- User sessions: how many bids did each bidder make without a pause of ten seconds?
CREATE SIGNAL q11 AS
SELECT window_start, window_end, bidder, COUNT(*) AS bid_count
FROM SESSION(bid, date_time, INTERVAL '10 seconds')
GROUP BY window_start, window_end, bidder;
