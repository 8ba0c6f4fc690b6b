CREATE STREAM beats (at TIMESTAMP, who VARCHAR, n BIGINT)
WITH (path = 'landing/beats/', format = 'parquet', event_time = 'at', watermark = INTERVAL '10 minutes', tenant = 'who');
CREATE STREAM visits (at TIMESTAMP, person VARCHAR, n BIGINT)
WITH (path = 'landing/visits/', format = 'parquet', event_time = 'at');
CREATE SIGNAL by_two WITH (lateness = INTERVAL '1 day') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = person)
  window_start, SUM(n) AS n FROM TUMBLE(visits, at, INTERVAL '1 hour') GROUP BY window_start;
