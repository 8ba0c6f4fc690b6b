-- How many decisions come up in support within two days? Escalations are not among them unless support labels them.
CREATE SIGNAL support_burden WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  supported AS num, decided AS den, supported / CAST(NULLIF(decided, 0) AS DOUBLE) AS rate
FROM internal.labelled_slices;
