CREATE STREAM visits (at TIMESTAMP, shop VARCHAR, person VARCHAR, spent BIGINT, cash BOOLEAN)
WITH (path = 'landing/visits/', format = 'parquet', event_time = 'at', tenant = 'shop');
CREATE SIGNAL spending AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3, privacy_unit_column = person)
  window_start, window_end, shop, COUNT(*) AS visits, COUNT(DISTINCT person) AS people, SUM(spent) AS spent
FROM TUMBLE(visits, at, INTERVAL '1 day')
GROUP BY window_start, window_end, shop;
