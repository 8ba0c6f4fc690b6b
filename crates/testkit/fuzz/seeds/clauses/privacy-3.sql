CREATE STREAM calls (at TIMESTAMP, who VARCHAR, tool VARCHAR, ms BIGINT, cost DOUBLE, fee DECIMAL(10, 2), team VARCHAR)
WITH (path = 'landing/calls/', format = 'parquet', event_time = 'at', watermark = INTERVAL '30 days', privacy_unit = 'who');
CREATE SIGNAL s AS SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, max_groups_contributed = 1, group_selection_strategy = PUBLIC_GROUPS)
window_start, window_end, tool, COUNT(*, contribution_bounds_per_group => (0, 1)) AS n
FROM TUMBLE(calls, at, INTERVAL '1 day') GROUP BY window_start, window_end, tool;
