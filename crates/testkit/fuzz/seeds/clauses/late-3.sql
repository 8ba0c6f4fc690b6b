CREATE STREAM beats (at TIMESTAMP, who VARCHAR, n BIGINT)
WITH (path = 'landing/beats/', format = 'parquet', event_time = 'at', watermark = INTERVAL '10 minutes', tenant = 'who');
CREATE STREAM visits (at TIMESTAMP, person VARCHAR, n BIGINT)
WITH (path = 'landing/visits/', format = 'parquet', event_time = 'at');
CREATE SIGNAL hourly WITH (lateness = INTERVAL '3 days') AS
SELECT window_start, window_end, SUM(n) AS n FROM TUMBLE(beats, at, INTERVAL '1 hour') GROUP BY window_start, window_end;
