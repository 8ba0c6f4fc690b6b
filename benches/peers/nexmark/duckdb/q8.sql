WITH persons AS (
  SELECT DISTINCT id, name, time_bucket(INTERVAL '10 seconds', date_time) AS window_start
  FROM person),
sellers AS (
  SELECT DISTINCT seller, time_bucket(INTERVAL '10 seconds', date_time) AS window_start
  FROM auction)
SELECT persons.id, persons.name, persons.window_start
FROM persons
JOIN sellers ON persons.id = sellers.seller AND persons.window_start = sellers.window_start
