-- Of the tasks that somebody looked after, how many were completed? Higher is better.
CREATE SIGNAL task_success WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT arm, bucket, window_start, window_end,
  CASE WHEN COUNT(*) OVER (PARTITION BY window_start, bucket) = 2 THEN completed END AS num, tasks AS den
FROM internal.labelled_cells;
