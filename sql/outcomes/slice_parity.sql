-- Does the agent serve everybody alike? How many answers are edited or rejected for each role and each region, beside all the
-- others of that week. `low` and `high` hold the difference in 95 of 100 cases (Newcombe's interval), `unequal` says that it is
-- not zero. Twenty slices are twenty chances to be wrong, and decisions of one person are not independent: look twice.
CREATE SIGNAL corrections_by_role WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, user_role AS slice, COUNT(*) AS den,
  COUNT(*) FILTER (WHERE outcome IN ('edited', 'rejected')) AS num
FROM TUMBLE(decisions, event_time, INTERVAL '7 days')
WHERE COALESCE(arm, '') <> 'shadow'
GROUP BY window_start, window_end, user_role;

CREATE SIGNAL corrections_by_region WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, region AS slice, COUNT(*) AS den,
  COUNT(*) FILTER (WHERE outcome IN ('edited', 'rejected')) AS num
FROM TUMBLE(decisions, event_time, INTERVAL '7 days')
WHERE COALESCE(arm, '') <> 'shadow'
GROUP BY window_start, window_end, region;

CREATE SIGNAL slice_parity WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
WITH slices AS (
  SELECT 'user_role' AS dimension, * FROM internal.corrections_by_role
  UNION ALL
  SELECT 'region' AS dimension, * FROM internal.corrections_by_region),
beside AS (
  SELECT window_start, window_end, dimension, slice, num, den,
    SUM(num) OVER (PARTITION BY window_start, dimension) - num AS rest_num,
    SUM(den) OVER (PARTITION BY window_start, dimension) - den AS rest_den
  FROM slices),
compared AS (
  SELECT *, newcombe_ci(num, den, rest_num, rest_den) AS ci FROM beside WHERE rest_den > 0)
SELECT window_start, window_end, dimension, slice, num, den, num / CAST(den AS DOUBLE) AS rate,
  rest_num / CAST(rest_den AS DOUBLE) AS rest_rate, ci['low'] AS low, ci['high'] AS high,
  ci['low'] > 0 OR ci['high'] < 0 AS unequal
FROM compared;
