-- May labels be believed? Two questions: do those who label the same decision agree, and how much of what is said is taken
-- back or said otherwise within a week?
-- A stream meets another one, not itself: these are the same labels once more.
CREATE STREAM other_labels (
  label_id VARCHAR, decision_id VARCHAR, target_scope VARCHAR, label_name VARCHAR, label_value VARCHAR,
  annotator_kind VARCHAR, identifier VARCHAR, version BIGINT, op VARCHAR, labeled_at TIMESTAMP)
WITH (
  path = 'landing/labels/', format = 'parquet',
  event_time = 'labeled_at', watermark = INTERVAL '1 hour', dedupe_key = 'label_id');

-- Each pair of labels of one name on one decision meets twice, once from either side; it is counted once.
CREATE SIGNAL label_pairs WITH (version = '1.0.0', scope = 'internal') AS
SELECT window_start, window_end, a.label_name,
  CASE WHEN a.annotator_kind = b.annotator_kind THEN a.annotator_kind ELSE 'MIXED' END AS annotators,
  a.label_value AS one, b.label_value AS other,
  COUNT(*) FILTER (WHERE a.label_id < b.label_id) AS pairs
FROM (
    SELECT * FROM TUMBLE(labels, labeled_at, INTERVAL '7 days')
    WHERE version = 1 AND op = 'assert' AND target_scope = 'decision' AND label_value IS NOT NULL) AS a
JOIN (
    SELECT * FROM other_labels
    WHERE version = 1 AND op = 'assert' AND target_scope = 'decision' AND label_value IS NOT NULL) AS b
  ON b.decision_id = a.decision_id AND b.label_name = a.label_name
    AND b.labeled_at BETWEEN a.labeled_at - INTERVAL '7 days' AND a.labeled_at + INTERVAL '7 days'
GROUP BY window_start, window_end, a.label_name, annotators, a.label_value, b.label_value
HAVING COUNT(*) FILTER (WHERE a.label_id < b.label_id) > 0;

-- `pi` is the agreement beyond chance (Scott's pi): 1 is full, 0 what the shares of the values give by themselves. Where nearly
-- all labels say the same, agreement is high and says little.
CREATE SIGNAL label_agreement WITH (version = '1.0.0', owner = 'trust-eng', kind = 'label_quality') AS
WITH said AS (
  SELECT window_start, window_end, label_name, annotators, one AS value, pairs FROM internal.label_pairs
  UNION ALL
  SELECT window_start, window_end, label_name, annotators, other AS value, pairs FROM internal.label_pairs),
shares AS (
  SELECT window_start, label_name, annotators, value, SUM(pairs) AS n,
    SUM(SUM(pairs)) OVER (PARTITION BY window_start, label_name, annotators) AS whole
  FROM said
  GROUP BY window_start, label_name, annotators, value),
chance AS (
  SELECT window_start, label_name, annotators, SUM(POWER(n / CAST(whole AS DOUBLE), 2)) AS expected
  FROM shares
  GROUP BY window_start, label_name, annotators),
counted AS (
  SELECT window_start, window_end, label_name, annotators,
    COALESCE(SUM(pairs) FILTER (WHERE one = other), 0) AS agreed, SUM(pairs) AS pairs
  FROM internal.label_pairs
  GROUP BY window_start, window_end, label_name, annotators)
SELECT n.window_start, n.window_end, n.label_name, n.annotators, n.agreed AS num, n.pairs AS den,
  n.agreed / CAST(n.pairs AS DOUBLE) AS rate,
  (n.agreed / CAST(n.pairs AS DOUBLE) - c.expected) / NULLIF(1 - c.expected, 0) AS pi
FROM counted AS n
JOIN chance AS c ON c.window_start = n.window_start AND c.label_name = n.label_name AND c.annotators = n.annotators;

-- A later version overturns a label when it retracts it or has another value. Of the words that are confirmed nothing is said.
CREATE SIGNAL label_overturn WITH (version = '1.0.0', owner = 'trust-eng', kind = 'label_quality') AS
SELECT window_start, window_end, a.label_name, a.annotator_kind,
  COUNT(DISTINCT a.label_id) FILTER (
    WHERE b.op = 'retract' OR b.op = 'assert' AND COALESCE(b.label_value, '') <> COALESCE(a.label_value, '')) AS num,
  COUNT(DISTINCT a.label_id) AS den
FROM (
    SELECT * FROM TUMBLE(labels, labeled_at, INTERVAL '7 days')
    WHERE version = 1 AND op = 'assert' AND target_scope = 'decision') AS a
LEFT JOIN (SELECT * FROM other_labels WHERE version > 1 AND target_scope = 'decision') AS b
  ON b.decision_id = a.decision_id AND b.label_name = a.label_name AND b.identifier = a.identifier
    AND b.labeled_at BETWEEN a.labeled_at AND a.labeled_at + INTERVAL '7 days'
GROUP BY window_start, window_end, a.label_name, a.annotator_kind;
