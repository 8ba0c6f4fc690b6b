-- The bids of that price. A signal reads one stream and joins nothing. The few rows stand first: a join holds them.
SELECT bid.auction, bid.price, bid.bidder, bid.date_time, bid.extra
FROM released.q7 AS highest
JOIN TUMBLE(bid, date_time, INTERVAL '10 seconds') AS bid
  ON bid.window_start = highest.window_start AND bid.price = highest.price
