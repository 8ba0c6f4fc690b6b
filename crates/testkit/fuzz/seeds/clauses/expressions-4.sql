CREATE STREAM calls (at TIMESTAMP, "Tool" VARCHAR, tool VARCHAR, latency BIGINT, cost DOUBLE, tags VARCHAR[], "user name" VARCHAR, "select" VARCHAR)
WITH (path = 'landing/calls/', format = 'parquet', event_time = at);
CREATE SIGNAL filters AS
SELECT COUNT(*) AS calls, COUNT(*) FILTER (WHERE latency >= $least_latency) AS slow,
  AVG(cost) FILTER (WHERE "Tool" LIKE 'S%') AS cost_of_s, COUNT(*) FILTER (WHERE tool = $kind) AS kinds
FROM calls;
