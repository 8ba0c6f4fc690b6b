-- Who uses what? Of the people who did anything in a week, how many used each feature, and how often?
-- Events of use are not generated, and are another folder: leave this recipe out where you have none.
CREATE STREAM usage_events (
  event_id VARCHAR, event_time TIMESTAMP, tenant_id VARCHAR, user_token VARCHAR, feature VARCHAR)
WITH (
  path = 'landing/usage_events/', format = 'parquet',
  event_time = 'event_time', watermark = INTERVAL '10 minutes', dedupe_key = 'event_id',
  tenant = 'tenant_id', privacy_unit = 'user_token');

CREATE SIGNAL users_by_feature WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, feature, COUNT(*) AS uses, COUNT(DISTINCT user_token) AS users
FROM TUMBLE(usage_events, event_time, INTERVAL '7 days')
GROUP BY window_start, window_end, feature;

CREATE SIGNAL active_users WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, COUNT(DISTINCT user_token) AS users
FROM TUMBLE(usage_events, event_time, INTERVAL '7 days')
GROUP BY window_start, window_end;

-- A person of two features is in both rows: `num` does not add up over features, nor over weeks.
CREATE SIGNAL adoption WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT f.window_start, f.window_end, f.feature,
  f.users AS num, a.users AS den, f.users / CAST(a.users AS DOUBLE) AS rate,
  f.uses, f.uses / CAST(f.users AS DOUBLE) AS uses_per_user
FROM internal.users_by_feature AS f
JOIN internal.active_users AS a ON a.window_start = f.window_start;
