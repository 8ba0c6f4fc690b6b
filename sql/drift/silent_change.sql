-- Did behaviour move although no version did, and no input either? Then somebody changed something without saying so: a
-- provider its weights, an index its documents, a tool its answers.
-- Reference: the previous window of the very same versions. A new version begins anew and is not compared.
CREATE SIGNAL behaviour_by_version WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, task_class, model_version, bundle_version, prompt_template_version,
  freq(outcome) AS outcomes, ddsketch(output_tokens) AS outputs, ddsketch(input_tokens) AS inputs
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start, task_class, model_version, bundle_version, prompt_template_version;

-- An alarm is a row where `silent_change` is true. Where inputs moved too, look at those first.
CREATE SIGNAL silent_change WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
WITH compared AS (
  SELECT window_start, task_class, model_version, bundle_version, prompt_template_version,
    drift(lag(outcomes) OVER days, outcomes)['verdict'] AS outcomes_verdict,
    drift(lag(outputs) OVER days, outputs)['verdict'] AS outputs_verdict,
    drift(lag(inputs) OVER days, inputs)['verdict'] AS inputs_verdict
  FROM internal.behaviour_by_version
  WINDOW days AS (
    PARTITION BY task_class, model_version, bundle_version, prompt_template_version ORDER BY window_start))
SELECT window_start, task_class, model_version, bundle_version, prompt_template_version,
  outcomes_verdict, outputs_verdict, inputs_verdict,
  'drift' IN (outcomes_verdict, outputs_verdict) AND inputs_verdict <> 'drift' AS silent_change
FROM compared;
