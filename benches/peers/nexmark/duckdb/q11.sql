-- A session ends 10 seconds after its last bid. As in Flink, a bid at that very moment still belongs to it.
WITH marked AS (
  SELECT bidder, date_time,
    date_time - LAG(date_time) OVER (PARTITION BY bidder ORDER BY date_time) > INTERVAL '10 seconds' AS begins
  FROM bid),
numbered AS (
  SELECT bidder, date_time,
    COUNT(*) FILTER (WHERE begins) OVER (PARTITION BY bidder ORDER BY date_time) AS session
  FROM marked)
SELECT MIN(date_time) AS window_start, MAX(date_time) + INTERVAL '10 seconds' AS window_end, bidder,
  COUNT(*) AS bid_count
FROM numbered
GROUP BY bidder, session
