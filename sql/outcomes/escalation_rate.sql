-- How many decisions are handed to a person? Neither high nor low is good by itself: judge it beside task_success.
CREATE SIGNAL escalation_rate WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  escalated AS num, decided AS den, escalated / CAST(NULLIF(decided, 0) AS DOUBLE) AS rate
FROM internal.slices;
