-- How many decisions does somebody correct within two days? Days whose labels are not all in yet are not shown.
CREATE SIGNAL correction_rate WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  corrected AS num, decided AS den, corrected / CAST(NULLIF(decided, 0) AS DOUBLE) AS rate
FROM internal.labelled_slices;
