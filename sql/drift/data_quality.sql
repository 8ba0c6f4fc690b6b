-- Is what arrives complete, varied, fresh, and as much as usual?
-- Reference: the day before for freshness, the same weekday for volume; the rest are shares, to be watched as they are.
CREATE SIGNAL columns_kept WITH (version = '1.0.0', scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
  window_start, COUNT(*) AS n, profile(confidence) AS confidence, profile(input_class) AS input_class,
  ddsketch(freshness(event_time, ingested_at)) AS freshness
FROM TUMBLE(decisions, event_time, INTERVAL '1 day')
GROUP BY window_start;

CREATE SIGNAL data_quality WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
WITH judged AS (
  SELECT window_start, n,
    null_rate(profile_nulls(confidence), profile_rows(confidence)) AS confidence_null_rate,
    distinct_ratio(profile_distinct(confidence), profile_rows(confidence)) AS confidence_distinct_ratio,
    null_rate(profile_nulls(input_class), profile_rows(input_class)) AS input_class_null_rate,
    drift(lag(freshness) OVER (ORDER BY window_start), freshness)['verdict'] AS freshness_verdict,
    anomaly_t(n) OVER (
      PARTITION BY day_of_week(window_start) ORDER BY window_start ROWS BETWEEN 8 PRECEDING AND 1 PRECEDING) AS volume
  FROM internal.columns_kept)
SELECT window_start, n, confidence_null_rate, confidence_distinct_ratio, input_class_null_rate, freshness_verdict,
  volume['verdict'] AS volume_verdict, volume['mean'] AS usual_volume
FROM judged;

-- Which kinds of labels came up or went away? Labels are of nobody, so their names may be shown.
CREATE SIGNAL label_names WITH (version = '1.0.0', owner = 'trust-eng', kind = 'distribution') AS
SELECT window_start, freq(label_name) AS names
FROM TUMBLE(labels, labeled_at, INTERVAL '1 day')
GROUP BY window_start;

CREATE SIGNAL label_names_changed WITH (version = '1.0.0', owner = 'trust-eng', kind = 'drift') AS
SELECT window_start,
  new_categories(lag(names) OVER (ORDER BY window_start), names) AS appeared,
  vanished_categories(lag(names) OVER (ORDER BY window_start), names) AS vanished
FROM released.label_names;
