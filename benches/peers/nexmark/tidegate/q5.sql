-- Hot items: how many bids has every auction in every hop?
CREATE SIGNAL q5 AS
SELECT window_start, window_end, auction, COUNT(*) AS num
FROM HOP(bid, date_time, INTERVAL '2 seconds', INTERVAL '10 seconds')
GROUP BY window_start, window_end, auction;
