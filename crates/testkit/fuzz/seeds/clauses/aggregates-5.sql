CREATE STREAM numbers (g VARCHAR, i BIGINT, s SMALLINT, u BIGINT UNSIGNED, f DOUBLE, d DECIMAL(10, 2), b BOOLEAN, t VARCHAR, at TIMESTAMP)
WITH (path = 'landing/numbers/', format = 'parquet');
CREATE STREAM large (at TIMESTAMP, i BIGINT) WITH (path = 'landing/large/', format = 'parquet', event_time = 'at');
CREATE SIGNAL computed AS
SELECT g, CAST(SUM(i) AS DECIMAL(20, 0)) * 2 + COUNT(*) AS twice, SUM(CAST(i AS DECIMAL(20, 0)) * 2) AS doubled, CAST(SUM(i) AS DOUBLE) / NULLIF(COUNT(i), 0) AS ratio,
  SUM(CASE WHEN b THEN 1 ELSE 0 END) AS true_rows, COALESCE(MAX(t), 'none') AS last_t, SUM(i) FILTER (WHERE i > 1) AS above_one
FROM numbers GROUP BY g;
