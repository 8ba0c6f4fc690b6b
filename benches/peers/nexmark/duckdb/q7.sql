WITH highest AS (
  SELECT time_bucket(INTERVAL '10 seconds', date_time) AS window_start, MAX(price) AS price
  FROM bid
  GROUP BY ALL)
SELECT bid.auction, bid.price, bid.bidder, bid.date_time, bid.extra
FROM bid
JOIN highest
  ON time_bucket(INTERVAL '10 seconds', bid.date_time) = highest.window_start AND bid.price = highest.price
