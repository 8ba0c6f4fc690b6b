CREATE STREAM sales (at TIMESTAMP, shop VARCHAR, kind VARCHAR, amount BIGINT)
WITH (path = 'landing/sales/', format = 'ndjson', event_time = 'at', tenant = 'shop');
CREATE SIGNAL by_expression AS
SELECT amount % 2 = 0 AS even, amount / 10 AS tens, COUNT(*) AS sales FROM sales GROUP BY 1, 2;
