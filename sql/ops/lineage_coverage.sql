-- How many decisions can be traced to what made them: a trace, and the versions of model, prompt, policy and bundle? What
-- cannot is no evidence for a version, and an incident of it cannot be replayed. The columns say what is missing.
CREATE SIGNAL lineage_coverage WITH (version = '1.0.0', owner = 'platform', kind = 'ops') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, window_end, task_class,
  COUNT(*) FILTER (WHERE has_trace AND has_model AND has_prompt AND has_policy AND has_bundle) AS num, COUNT(*) AS den,
  COUNT(*) FILTER (WHERE NOT has_trace) AS no_trace,
  COUNT(*) FILTER (WHERE NOT has_model) AS no_model,
  COUNT(*) FILTER (WHERE NOT has_prompt) AS no_prompt,
  COUNT(*) FILTER (WHERE NOT has_policy) AS no_policy,
  COUNT(*) FILTER (WHERE NOT has_bundle) AS no_bundle
FROM (
    SELECT *, COALESCE(trace_id, '') <> '' AS has_trace,
      COALESCE(model_version, '') NOT IN ('', 'unversioned') AS has_model,
      COALESCE(prompt_template_version, '') NOT IN ('', 'unversioned') AS has_prompt,
      COALESCE(policy_version, '') NOT IN ('', 'unversioned') AS has_policy,
      COALESCE(bundle_version, '') NOT IN ('', 'unversioned') AS has_bundle
    FROM TUMBLE(decisions, event_time, INTERVAL '1 day'))
GROUP BY window_start, window_end, task_class;
