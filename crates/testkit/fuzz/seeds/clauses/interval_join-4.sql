CREATE STREAM decisions (at TIMESTAMP, id VARCHAR, model VARCHAR, n BIGINT)
WITH (path = 'landing/decisions/', format = 'parquet', event_time = 'at', watermark = INTERVAL '30 days');
CREATE STREAM labels (seen TIMESTAMP, id VARCHAR, label VARCHAR)
WITH (path = 'landing/labels/', format = 'parquet', event_time = 'seen', watermark = INTERVAL '30 days');
CREATE STREAM people (at TIMESTAMP, id VARCHAR, person VARCHAR)
WITH (path = 'landing/people/', format = 'parquet', event_time = 'at', watermark = INTERVAL '30 days', privacy_unit = 'person');
CREATE SIGNAL s AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2)
window_start, window_end, v.voter, COUNT(*) AS n FROM TUMBLE(people, at, INTERVAL '1 day') AS p
JOIN votes AS v ON v.voter = p.person AND v.at BETWEEN p.at AND p.at + INTERVAL '1 day'
GROUP BY window_start, window_end, v.voter;
