-- How often do steps fail? Tools, plans, and checks: of `verify` the rate that passes is what is left to 1. A step that is
-- tried again counts each time; what a policy stops is no failure.
CREATE SIGNAL step_failure WITH (version = '1.0.0', owner = 'platform', kind = 'rate') AS
SELECT window_start, window_end, step_kind, name,
  failed AS num, ran AS den, failed / CAST(ran AS DOUBLE) AS rate, decisions
FROM internal.step_cells;
