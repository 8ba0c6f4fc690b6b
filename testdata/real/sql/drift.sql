-- Two weeks in which a main model was switched, against the month before.
CREATE SIGNAL aider_sends_around_switch AS
SELECT event_ts < TIMESTAMP '2025-02-24 00:00:00' AS before, COUNT(*) AS n,
  freq(main_model) AS models, ddsketch(prompt_tokens) AS prompt_tokens
FROM aider
WHERE event = 'message_send' AND event_ts >= TIMESTAMP '2025-01-24 00:00:00' AND event_ts < TIMESTAMP '2025-03-01 00:00:00'
GROUP BY event_ts < TIMESTAMP '2025-02-24 00:00:00';

CREATE SIGNAL aider_switch AS
SELECT r.n AS n_ref, c.n AS n_cur,
  psi(r.models, c.models) AS psi_models, drift(r.models, c.models)['verdict'] AS models,
  new_categories(r.models, c.models) AS new_models,
  psi(r.prompt_tokens, c.prompt_tokens) AS psi_prompt_tokens, drift(r.prompt_tokens, c.prompt_tokens)['verdict'] AS prompt_tokens
FROM released.aider_sends_around_switch AS r JOIN released.aider_sends_around_switch AS c ON r.before AND NOT c.before;

-- The first and the second half of an hour of requests.
CREATE SIGNAL azure_halves AS
SELECT ts < TIMESTAMP '2023-11-16 18:47:03.979960' AS before, COUNT(*) AS n, ddsketch(generated_tokens) AS generated_tokens
FROM azure
GROUP BY ts < TIMESTAMP '2023-11-16 18:47:03.979960';

CREATE SIGNAL azure_drift AS
SELECT r.n AS n_ref, c.n AS n_cur,
  psi(r.generated_tokens, c.generated_tokens) AS psi, drift(r.generated_tokens, c.generated_tokens)['verdict'] AS verdict
FROM released.azure_halves AS r JOIN released.azure_halves AS c ON r.before AND NOT c.before;
