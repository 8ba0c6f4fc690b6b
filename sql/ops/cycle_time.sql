-- How long do versions take from their first step to everybody, and how many come back? From the promotion log, exported with
--   tidegate promote log NAME --json | jq -c '.[]' > landing/promotions/NAME-$(date +%s).ndjson
-- as often as you like, each time into a new file: a generation counts once. Leave this recipe out where nothing is promoted.
CREATE STREAM promotions (
  name VARCHAR, generation BIGINT, action VARCHAR, registration VARCHAR, bundle VARCHAR, "from" VARCHAR, "to" VARCHAR,
  by VARCHAR, at_us BIGINT)
WITH (
  path = 'landing/promotions/', format = 'ndjson',
  event_time = 'at_us', event_time_unit = 'us', dedupe_key = 'name, generation');

CREATE SIGNAL promotion_steps WITH (version = '1.0.0', scope = 'internal') AS
SELECT at_us AS at, name, generation, action, registration, bundle, "from" AS from_stage, "to" AS to_stage
FROM promotions;

-- One row for each version that was registered and moved. `days_to_general` is null until it is there; a version that was taken
-- back and promoted anew is another registration. What ran already when promotion began (`adopt`) took no time.
CREATE SIGNAL cycle_time WITH (version = '1.0.0', owner = 'release', kind = 'ops') AS
WITH versions AS (
  SELECT name, registration, bundle, MIN(at) AS began_at,
    MIN(at) FILTER (WHERE to_stage = 'general') AS general_at,
    MIN(at) FILTER (WHERE action = 'roll_back') AS rolled_back_at,
    COUNT(*) FILTER (WHERE action = 'advance') AS steps,
    COUNT(*) FILTER (WHERE action = 'hold') AS holds
  FROM internal.promotion_steps
  WHERE action <> 'adopt'
  GROUP BY name, registration, bundle)
SELECT name, registration, bundle, began_at, general_at, rolled_back_at, steps, holds,
  freshness(began_at, general_at) / 86400 AS days_to_general,
  freshness(began_at, rolled_back_at) / 86400 AS days_to_rollback,
  rolled_back_at IS NOT NULL AS was_rolled_back
FROM versions;
