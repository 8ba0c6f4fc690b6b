CREATE STREAM numbers (g VARCHAR, i BIGINT, s SMALLINT, u BIGINT UNSIGNED, f DOUBLE, d DECIMAL(10, 2), b BOOLEAN, t VARCHAR, at TIMESTAMP)
WITH (path = 'landing/numbers/', format = 'parquet');
CREATE STREAM large (at TIMESTAMP, i BIGINT) WITH (path = 'landing/large/', format = 'parquet', event_time = 'at');
CREATE SIGNAL counts AS
SELECT g, COUNT(*) AS all_rows, COUNT(i) AS with_i, COUNT(1) AS ones, COUNT(DISTINCT i) AS distinct_i,
  COUNT(DISTINCT t) AS distinct_t, COUNT(DISTINCT f) AS distinct_f
FROM numbers GROUP BY g;
