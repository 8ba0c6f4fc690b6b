-- How often does a policy or a guardrail step in, of the times it was asked? A guardrail that fails instead (`error`) has let
-- nobody through or everybody: those are in step_failure.
CREATE SIGNAL policy_trigger WITH (version = '1.0.0', owner = 'safety', kind = 'guardrail') AS
SELECT window_start, window_end, step_kind, name,
  blocked AS num, ran AS den, blocked / CAST(ran AS DOUBLE) AS rate, decisions
FROM internal.step_cells
WHERE step_kind IN ('policy_eval', 'guardrail');
