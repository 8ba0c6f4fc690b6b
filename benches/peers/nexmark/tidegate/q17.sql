-- Bidding of a day on each auction.
CREATE SIGNAL q17 AS
SELECT window_start, window_end, auction,
  COUNT(*) AS total_bids,
  COUNT(*) FILTER (WHERE price < 10000) AS rank1_bids,
  COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
  COUNT(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
  MIN(price) AS min_price, MAX(price) AS max_price, AVG(price) AS avg_price, SUM(price) AS sum_price
FROM TUMBLE(bid, date_time, INTERVAL '1 day')
GROUP BY window_start, window_end, auction;
