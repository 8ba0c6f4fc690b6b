-- Highest bid: what is the highest price of every ten seconds?
CREATE SIGNAL q7 AS
SELECT window_start, window_end, MAX(price) AS price
FROM TUMBLE(bid, date_time, INTERVAL '10 seconds')
GROUP BY window_start, window_end;
