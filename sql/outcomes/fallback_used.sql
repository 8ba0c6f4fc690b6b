-- How many decisions took the way for when the usual one fails? Where nothing was reported, it is neither yes nor no.
CREATE SIGNAL fallback_used WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  fell_back AS num, fallback_known AS den, fell_back / CAST(NULLIF(fallback_known, 0) AS DOUBLE) AS rate
FROM internal.slices;
