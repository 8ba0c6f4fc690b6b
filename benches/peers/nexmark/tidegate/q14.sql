-- Calculation: the kind of day, and a user-defined function that counts the letter c, here without one.
CREATE SIGNAL q14 AS
SELECT auction, bidder, price * 908 / 1000 AS price,
  CASE
    WHEN date_part('hour', date_time) BETWEEN 8 AND 18 THEN 'dayTime'
    WHEN date_part('hour', date_time) <= 6 OR date_part('hour', date_time) >= 20 THEN 'nightTime'
    ELSE 'otherTime'
  END AS bid_time_type,
  date_time, extra,
  character_length(extra) - character_length(replace(extra, 'c', '')) AS c_counts
FROM bid
WHERE price * 908 / 1000 > 1000000 AND price * 908 / 1000 < 50000000;
