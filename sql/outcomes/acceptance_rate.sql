-- How many answers are accepted as they are? A click and no proof: read it beside task_success.
CREATE SIGNAL acceptance_rate WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  accepted AS num, decided AS den, accepted / CAST(NULLIF(decided, 0) AS DOUBLE) AS rate
FROM internal.slices;
