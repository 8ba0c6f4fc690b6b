-- How many decisions does a person override with a reason? Overrides without a reason are outcomes only.
CREATE SIGNAL human_override WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  overridden AS num, decided AS den, overridden / CAST(NULLIF(decided, 0) AS DOUBLE) AS rate
FROM internal.slices;
