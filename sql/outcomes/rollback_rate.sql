-- How many decisions are taken back after they were carried out? Of versions that are taken back tells ops/cycle_time.sql.
CREATE SIGNAL rollback_rate WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  rolled_back AS num, decided AS den, rolled_back / CAST(NULLIF(decided, 0) AS DOUBLE) AS rate
FROM internal.slices;
