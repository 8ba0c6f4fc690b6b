CREATE STREAM hits (at TIMESTAMP, page VARCHAR, n BIGINT)
WITH (path = 'landing/hits/', format = 'parquet', event_time = 'at', tenant = 'page', watermark = INTERVAL '2 hours');
CREATE STREAM visits (at TIMESTAMP, person VARCHAR)
WITH (path = 'landing/visits/', format = 'parquet', event_time = 'at', watermark = INTERVAL '1 day');
CREATE SIGNAL crowds AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = person)
  window_start, window_end, COUNT(*) AS visits
FROM HOP(visits, at, INTERVAL '30 minutes', INTERVAL '1 hour') GROUP BY window_start, window_end;
