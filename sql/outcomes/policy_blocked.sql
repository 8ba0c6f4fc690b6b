-- Of the decisions that a policy saw, how many did it block?
CREATE SIGNAL policy_blocked WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  blocked AS num, policed AS den, blocked / CAST(NULLIF(policed, 0) AS DOUBLE) AS rate
FROM internal.slices;
