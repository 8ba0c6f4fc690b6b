SELECT auction, bidder, price * 908 // 1000 AS price, date_time, extra
FROM bid
