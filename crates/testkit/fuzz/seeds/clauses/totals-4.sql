CREATE STREAM sales (at TIMESTAMP, shop VARCHAR, kind VARCHAR, amount BIGINT)
WITH (path = 'landing/sales/', format = 'ndjson', event_time = 'at', tenant = 'shop');
CREATE SIGNAL by_alias AS
SELECT date_trunc('month', at) AS month, upper(kind) AS kind, COUNT(*) AS sales
FROM sales GROUP BY month, upper(kind);
