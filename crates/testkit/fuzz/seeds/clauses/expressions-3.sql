CREATE STREAM calls (at TIMESTAMP, "Tool" VARCHAR, tool VARCHAR, latency BIGINT, cost DOUBLE, tags VARCHAR[], "user name" VARCHAR, "select" VARCHAR)
WITH (path = 'landing/calls/', format = 'parquet', event_time = at);
CREATE SIGNAL casts AS
SELECT CAST(latency AS VARCHAR) AS latency_text, TRY_CAST(tool AS BIGINT) AS number, cost::INT AS cost_whole, COUNT(*) AS calls
FROM calls GROUP BY latency, TRY_CAST(tool AS BIGINT), cost::INT;
