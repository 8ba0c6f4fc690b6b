-- Does what arrives keep its contract? Of the checks of a day, how many held, and over how many rows those that did not.
-- A check over few rows counts as much as one over many: look at `rows_in_doubt` before you wake anybody. A contract without
-- rules has no rows here, and that is not a pass.
CREATE SIGNAL dq_summary WITH (version = '1.0.0', owner = 'platform', kind = 'ops') AS
SELECT arrow_cast(date, 'Timestamp(Microsecond, Some("UTC"))') AS window_start, contract, version, "column", metric,
  COUNT(*) FILTER (WHERE passed) AS num, COUNT(*) AS den,
  COUNT(*) FILTER (WHERE passed) / CAST(COUNT(*) AS DOUBLE) AS rate,
  MIN(observed) AS least, MAX(observed) AS most, MIN(unit) AS unit,
  COALESCE(SUM(rows) FILTER (WHERE NOT passed), 0) AS rows_in_doubt, SUM(rows) AS rows,
  CASE WHEN COUNT(*) FILTER (WHERE NOT passed) > 0 THEN 'alarm' ELSE 'stable' END AS verdict
FROM released.dq_results
GROUP BY date, contract, version, "column", metric;
