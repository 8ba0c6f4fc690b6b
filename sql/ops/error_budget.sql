-- How much of what may fail has failed? The objective is that 98 of 100 decisions of a task end without a fault, over 28 days:
-- change it where it says 0.02. `burn_rate` is how fast the day spends: at 1 the budget lasts 28 days, and a day of 2.8 spends a
-- tenth of it. `verdict` is `alarm` on such a day, and while the budget is overspent; an event is written when it turns.
-- Reads what success_rate.sql keeps. Days that are withheld, or not there, neither spend nor earn.
CREATE SIGNAL error_budget WITH (version = '1.0.0', owner = 'platform', kind = 'guardrail') AS
WITH days AS (
  SELECT window_start, window_end, task_class, SUM(decided) AS decided, SUM(faults) AS faults
  FROM internal.health
  GROUP BY window_start, window_end, task_class),
spent AS (
  SELECT window_start, window_end, task_class, faults, decided,
    faults / (decided * 0.02) AS burn_rate,
    SUM(faults) OVER month / (SUM(decided) OVER month * 0.02) AS spent_28_days
  FROM days
  WINDOW month AS (
    PARTITION BY task_class ORDER BY window_start RANGE BETWEEN INTERVAL '27 days' PRECEDING AND CURRENT ROW))
SELECT window_start, window_end, task_class, faults AS num, decided AS den, burn_rate, spent_28_days,
  CASE WHEN burn_rate >= 2.8 OR spent_28_days > 1 THEN 'alarm' ELSE 'stable' END AS verdict
FROM spent;
