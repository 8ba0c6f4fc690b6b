-- Outcomes of coding agents on public benchmarks. `resolved` is null where it is unknown, which is not false.
CREATE STREAM openhands WITH (path = $real_data || '/openhands_index/instances.parquet', event_time = 'submission_ts');

CREATE SIGNAL openhands_by_benchmark AS
SELECT benchmark,
  COUNT(*) AS n,
  SUM(CAST(resolved AS INT)) AS resolved,
  COUNT(*) - COUNT(resolved) AS unknown,
  SUM(cost_usd) AS cost
FROM openhands
GROUP BY benchmark;

CREATE SIGNAL openhands_weekly AS
SELECT window_start, window_end, COUNT(*) AS n, COUNT(DISTINCT run_id) AS runs
FROM TUMBLE(openhands, submission_ts, INTERVAL '7 days')
GROUP BY window_start, window_end;
