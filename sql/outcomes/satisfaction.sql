-- How content are those who rate, from 0 to 1? `rated` of `decided` decisions have a rating: who rates is not everybody, so a
-- mean that moves with that share has said nothing yet.
CREATE SIGNAL satisfaction WITH (version = '1.0.0', owner = 'trust-eng', kind = 'ratio') AS
SELECT window_start, window_end, task_class, model_version, risk_class,
  rating_sum AS num, ratings AS den, rating_sum / NULLIF(ratings, 0) AS mean_score, low_ratings, rated, decided
FROM internal.labelled_slices;
