-- Where does the time go? For each kind of step and its name: planning (`plan`), acting (`tool`, `model_call`, `retrieval`),
-- checking (`verify`). In microseconds. Steps may run side by side, so they do not add up to the time of a decision.
CREATE SIGNAL step_latency WITH (version = '1.0.0', owner = 'platform', kind = 'quantile') AS
SELECT window_start, window_end, step_kind, name, ran, p50_us, p95_us
FROM internal.step_cells;
