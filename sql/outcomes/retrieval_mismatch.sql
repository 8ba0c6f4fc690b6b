-- Of the decisions that retrieved something, how many retrieved the wrong thing: a best score below 0.5, or context that a
-- reviewer says was missing? Scores of different indexes are no common scale: set the limit in labelled_slices.sql to yours.
CREATE SIGNAL retrieval_mismatch WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  mismatched AS num, retrieved AS den, mismatched / CAST(NULLIF(retrieved, 0) AS DOUBLE) AS rate
FROM internal.labelled_slices;
