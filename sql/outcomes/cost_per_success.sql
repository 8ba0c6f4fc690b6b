-- What does a completed task cost, in nano-dollars? What failed tasks cost is in it, and that is the point.
-- Over tasks that somebody looked after; a decision whose price is null or 0 is unpriced, not free, and left out.
CREATE SIGNAL cost_per_completed_task WITH (version = '1.0.0', owner = 'trust-eng', kind = 'ratio') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  cost_nanousd AS num, priced_completed AS den, cost_nanousd / CAST(NULLIF(priced_completed, 0) AS DOUBLE) AS nanousd
FROM internal.labelled_slices;
