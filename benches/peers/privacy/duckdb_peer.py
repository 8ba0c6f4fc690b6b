"""The plain two-level aggregate: by key and user, clamped, then by key. No noise, and any number of keys per user."""

import sys

import duckdb

rows = duckdb.execute(
    f"""SELECT k, SUM(n), SUM(s) FROM (
      SELECT k, u, LEAST(COUNT(*), 50) AS n, LEAST(GREATEST(SUM(x), 0), 30000) AS s
      FROM read_parquet('{sys.argv[1]}') GROUP BY k, u) GROUP BY k ORDER BY k"""
).fetchall()
for row in rows:
    print(*row, sep=",")
