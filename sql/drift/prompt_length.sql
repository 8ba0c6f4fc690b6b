-- Do prompts grow or shrink? For each template and version, against the seven days before.
-- Reference: a rolling merge. What creeps within seven days is missed; compare with a fixed baseline for that.
CREATE SIGNAL prompt_lengths WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, prompt_template_id, prompt_template_version, ddsketch(input_tokens) AS tokens
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start, prompt_template_id, prompt_template_version;

-- `moved_by` says by how many tokens prompts moved on average, give or take `moved_by_error`.
CREATE SIGNAL prompt_length_drift WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
WITH compared AS (
  SELECT window_start, prompt_template_id, prompt_template_version,
    drift(ddsketch_merge(tokens) OVER before, tokens) AS d
  FROM internal.prompt_lengths
  WINDOW before AS (
    PARTITION BY prompt_template_id, prompt_template_version ORDER BY window_start
    ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING))
SELECT window_start, prompt_template_id, prompt_template_version,
  d['verdict'] AS verdict, d['psi'] AS psi, d['threshold'] AS threshold, d['w1'] AS moved_by, d['w1_error'] AS moved_by_error
FROM compared;
