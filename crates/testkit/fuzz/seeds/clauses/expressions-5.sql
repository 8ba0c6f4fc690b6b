CREATE STREAM calls (at TIMESTAMP, "Tool" VARCHAR, tool VARCHAR, latency BIGINT, cost DOUBLE, tags VARCHAR[], "user name" VARCHAR, "select" VARCHAR)
WITH (path = 'landing/calls/', format = 'parquet', event_time = at);
CREATE SIGNAL filtered_twice AS
WITH slow AS (SELECT * FROM calls WHERE latency >= 10), named AS (SELECT tool, latency * 2 AS doubled FROM slow WHERE tool IS NOT NULL)
SELECT t.tool, SUM(t.doubled) AS doubled FROM (SELECT * FROM named WHERE doubled < 1000) AS t GROUP BY t.tool;
