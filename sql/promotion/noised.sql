-- Correction with differential privacy, for evidence that leaves the house: each person counts with at most ten decisions
-- a day, and the noise stands beside the numbers (`num_noise_stddev`, `den_noise_stddev`), where a gate finds it.
-- All tenants are one bucket: noise is added to every cell, so 32 of them would carry 5.7 times as much. The gate then says
-- `analysis: events`.
CREATE SIGNAL correction_noised WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1.0, delta = 1e-8, max_groups_contributed = 1)
  window_start, window_end, arm, 'all' AS bucket,
  COUNT(*, contribution_bounds_per_group => (0, 10)) FILTER (WHERE outcome IN ('edited', 'rejected')) AS num,
  COUNT(*, contribution_bounds_per_group => (0, 10)) AS den
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
WHERE arm IN ('control', 'treatment')
GROUP BY window_start, window_end, arm;
