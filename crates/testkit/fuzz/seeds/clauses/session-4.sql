CREATE STREAM clicks (at TIMESTAMP, who VARCHAR, page VARCHAR, n BIGINT)
WITH (path = 'landing/clicks/', format = 'parquet', event_time = 'at', tenant = 'page', watermark = INTERVAL '3 days');
CREATE STREAM rooms (at TIMESTAMP, room VARCHAR, person VARCHAR)
WITH (path = 'landing/rooms/', format = 'parquet', event_time = 'at', privacy_unit = 'person', watermark = INTERVAL '1 day');
CREATE SIGNAL meetings AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2)
  window_start, window_end, room, COUNT(*) AS words
FROM SESSION(rooms, at, INTERVAL '10 minutes') GROUP BY window_start, window_end, room;
