-- How often is something made up, as people say, and as models say that judge models? Never one number: they err differently.
CREATE SIGNAL hallucination_rate WITH (version = '1.0.0', owner = 'trust-eng', kind = 'rate') AS
SELECT window_start, window_end, task_class, model_version, risk_class, 'people' AS judges,
  seen_by_people AS num, read_by_people AS den, seen_by_people / CAST(NULLIF(read_by_people, 0) AS DOUBLE) AS rate
FROM internal.labelled_slices
UNION ALL
SELECT window_start, window_end, task_class, model_version, risk_class, 'models' AS judges,
  seen_by_models AS num, read_by_models AS den, seen_by_models / CAST(NULLIF(read_by_models, 0) AS DOUBLE) AS rate
FROM internal.labelled_slices;
