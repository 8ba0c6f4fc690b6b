-- Of the tasks that somebody looked after, how many were completed? The first metric of all: acceptance is a click.
-- How far they are apart stands beside it: of the answers that were accepted, and looked after, so many had failed.
CREATE SIGNAL task_success_rate WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  completed AS num, tasks AS den, completed / CAST(NULLIF(tasks, 0) AS DOUBLE) AS rate,
  decided, accepted_tasks, accepted_failures
FROM internal.labelled_slices;
