-- Of the decisions that were reviewed against policies, how many broke one? What a policy stopped is in policy_blocked.
CREATE SIGNAL policy_violation_rate WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  violated AS num, reviewed AS den, violated / CAST(NULLIF(reviewed, 0) AS DOUBLE) AS rate
FROM internal.labelled_slices;
