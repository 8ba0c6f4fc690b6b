-- How long does the loop take: from a decision to what is said about it, and from there until it has landed? In seconds, by kind
-- of label; the decision itself stands beside it, in microseconds. How long a version then takes: cycle_time.sql.
-- Labels that come after seven days are not in it, so a quantile that nears 604800 says that the loop is longer than that.
CREATE SIGNAL loop_timing WITH (version = '1.0.0', owner = 'platform', kind = 'quantile') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, l.label_kind, COUNT(DISTINCT d.decision_id) AS decisions,
  percentile_cont(d.latency_us, 0.5) AS decision_p50_us,
  percentile_cont(freshness(d.event_time, l.labeled_at), 0.5) AS label_p50_s,
  percentile_cont(freshness(d.event_time, l.labeled_at), 0.95) AS label_p95_s,
  percentile_cont(freshness(l.labeled_at, l.ingested_at), 0.5) AS landing_p50_s,
  percentile_cont(freshness(l.labeled_at, l.ingested_at), 0.95) AS landing_p95_s
FROM TUMBLE(decisions, event_time, INTERVAL '1 day') AS d
JOIN (SELECT * FROM labels WHERE version = 1 AND op = 'assert' AND target_scope = 'decision') AS l
  ON l.decision_id = d.decision_id AND l.labeled_at BETWEEN d.event_time AND d.event_time + INTERVAL '7 days'
GROUP BY window_start, window_end, l.label_kind;
