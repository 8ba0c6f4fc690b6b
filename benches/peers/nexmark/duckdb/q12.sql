SELECT time_bucket(INTERVAL '10 seconds', date_time) AS window_start, bidder, COUNT(*) AS bid_count
FROM bid
GROUP BY ALL
