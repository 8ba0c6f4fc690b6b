-- What does an accepted answer cost, in nano-dollars? Lower is better. In a gate: `kind: ratio`, a margin in percent.
-- A decision whose price is null or 0 is unpriced, not free: neither its cost nor its success counts.
CREATE SIGNAL cost_per_success WITH (version = '1.0.0', owner = 'trust-eng', kind = 'ratio') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN cost_nanousd END AS num, priced_successes AS den
FROM internal.cells;
