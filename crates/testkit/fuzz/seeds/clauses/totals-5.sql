CREATE STREAM sales (at TIMESTAMP, shop VARCHAR, kind VARCHAR, amount BIGINT)
WITH (path = 'landing/sales/', format = 'ndjson', event_time = 'at', tenant = 'shop');
CREATE SIGNAL monthly AS
SELECT date_trunc('month', at) AS month, COUNT(*) AS sales, SUM(amount) AS amount
FROM sales GROUP BY date_trunc('month', at);
