-- Panes of 2 seconds are counted once and added up to hops: no row is copied.
WITH panes AS (
  SELECT auction, time_bucket(INTERVAL '2 seconds', date_time) AS pane, COUNT(*) AS num
  FROM bid
  GROUP BY ALL),
hops AS (
  SELECT pane - to_seconds(2 * back) AS window_start, auction, SUM(num)::BIGINT AS num
  FROM panes, range(5) AS slides(back)
  GROUP BY ALL)
SELECT window_start, auction, num
FROM hops
QUALIFY num = MAX(num) OVER (PARTITION BY window_start)
