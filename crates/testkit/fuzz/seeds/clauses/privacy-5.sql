CREATE STREAM calls (at TIMESTAMP, who VARCHAR, tool VARCHAR, ms BIGINT, cost DOUBLE, fee DECIMAL(10, 2), team VARCHAR)
WITH (path = 'landing/calls/', format = 'parquet', event_time = 'at', watermark = INTERVAL '30 days', privacy_unit = 'who');
CREATE SIGNAL shape AS
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 20, delta = 1e-6, max_groups_contributed = 1)
window_start, window_end, PERCENTILE_CONT(ms, 0.5, contribution_bounds_per_row => (0, 100), epsilon => 14) AS middle,
HISTOGRAM(ms, bins => 4, contribution_bounds_per_group => (0, 100)) AS bins
FROM TUMBLE(waits, at, INTERVAL '1 day') GROUP BY window_start, window_end;
