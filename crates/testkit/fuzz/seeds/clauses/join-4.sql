CREATE STREAM sales (at TIMESTAMP, sku VARCHAR, shop BIGINT, n BIGINT)
WITH (path = 'landing/sales/', format = 'parquet', event_time = 'at', watermark = INTERVAL '30 days');
CREATE STREAM visits (at TIMESTAMP, person VARCHAR, shop BIGINT)
WITH (path = 'landing/visits/', format = 'parquet', event_time = 'at', privacy_unit = 'person');
CREATE SIGNAL hourly AS
SELECT window_start, window_end, p.kind, SUM(s.n) AS n
FROM (SELECT * FROM prices WHERE price < 30) AS p JOIN TUMBLE(sales, at, INTERVAL '1 hour') AS s ON p.sku = lower(s.sku)
WHERE s.n > 1 GROUP BY s.window_start, s.window_end, p.kind;
