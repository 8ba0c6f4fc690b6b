CREATE STREAM sales (at TIMESTAMP, sku VARCHAR, shop BIGINT, n BIGINT)
WITH (path = 'landing/sales/', format = 'parquet', event_time = 'at', watermark = INTERVAL '30 days');
CREATE STREAM visits (at TIMESTAMP, person VARCHAR, shop BIGINT)
WITH (path = 'landing/visits/', format = 'parquet', event_time = 'at', privacy_unit = 'person');
CREATE SIGNAL sessions AS
SELECT window_start, window_end, kind, COUNT(*) AS sales
FROM SESSION(sales, at, INTERVAL '30 minutes') AS s JOIN prices ON s.sku = prices.sku GROUP BY window_start, window_end, kind;
