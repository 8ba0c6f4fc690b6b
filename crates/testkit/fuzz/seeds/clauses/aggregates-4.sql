CREATE STREAM numbers (g VARCHAR, i BIGINT, s SMALLINT, u BIGINT UNSIGNED, f DOUBLE, d DECIMAL(10, 2), b BOOLEAN, t VARCHAR, at TIMESTAMP)
WITH (path = 'landing/numbers/', format = 'parquet');
CREATE STREAM large (at TIMESTAMP, i BIGINT) WITH (path = 'landing/large/', format = 'parquet', event_time = 'at');
CREATE SIGNAL extremes AS
SELECT g, MIN(i) AS i_min, MAX(i) AS i_max, MIN(f) AS f_min, MAX(f) AS f_max, MIN(d) AS d_min, MAX(d) AS d_max,
  MIN(t) AS t_min, MAX(t) AS t_max, MIN(b) AS b_min, MAX(b) AS b_max, MIN(at) AS at_min, MAX(at) AS at_max
FROM numbers GROUP BY g;
