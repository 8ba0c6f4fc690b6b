-- Which tenants send other work than the day before? Tenants with fewer than 20 users a day are not looked at.
-- Reference: the previous window. With many tenants some verdict is wrong every day; `stands_out` allows for how many
-- were asked: of the tenants that stand out, about one in twenty does so by chance (Benjamini and Hochberg).
CREATE SIGNAL work_by_tenant WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, tenant_id, freq(task_class) AS tasks, ddsketch(input_tokens) AS tokens
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start, tenant_id;

-- An alarm is a row whose verdict is `drift` and that stands out.
CREATE SIGNAL tenant_drift WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
WITH compared AS (
  SELECT window_start, tenant_id,
    drift(lag(tasks) OVER days, tasks) AS tasks, drift(lag(tokens) OVER days, tokens) AS tokens
  FROM internal.work_by_tenant
  WINDOW days AS (PARTITION BY tenant_id ORDER BY window_start))
SELECT window_start, tenant_id,
  tasks['verdict'] AS tasks_verdict, tasks['psi'] AS tasks_psi,
  bh(tasks['p_value']) OVER (PARTITION BY window_start) AS tasks_stand_out,
  tokens['verdict'] AS tokens_verdict, tokens['psi'] AS tokens_psi,
  bh(tokens['p_value']) OVER (PARTITION BY window_start) AS tokens_stand_out
FROM compared;
