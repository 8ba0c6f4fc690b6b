CREATE STREAM sales (at TIMESTAMP, sku VARCHAR, shop BIGINT, n BIGINT)
WITH (path = 'landing/sales/', format = 'parquet', event_time = 'at', watermark = INTERVAL '30 days');
CREATE STREAM visits (at TIMESTAMP, person VARCHAR, shop BIGINT)
WITH (path = 'landing/visits/', format = 'parquet', event_time = 'at', privacy_unit = 'person');
CREATE SIGNAL crowds AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2)
window_start, window_end, region, COUNT(*) AS visits, COUNT(DISTINCT person) AS people
FROM TUMBLE(visits, at, INTERVAL '1 day') AS v JOIN places ON places.id = v.shop GROUP BY window_start, window_end, region;
