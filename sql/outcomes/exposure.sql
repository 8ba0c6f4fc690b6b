-- In how many decisions was personal data found that should not have been there? Most are never looked at: this is a floor.
CREATE SIGNAL exposure_rate WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  exposed AS num, decided AS den, exposed / CAST(NULLIF(decided, 0) AS DOUBLE) AS rate
FROM internal.labelled_slices;
