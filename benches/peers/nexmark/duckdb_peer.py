"""One query by DuckDB over the Nexmark files, from Parquet to Parquet.

    python duckdb_peer.py QUERY_FILE FOLDER_OF_EVENTS OUT_FILE THREADS
"""

import pathlib
import sys

import duckdb

query, events, out, threads = sys.argv[1:5]
connection = duckdb.connect()
connection.execute(f"SET threads = {threads}")
for table in ("person", "auction", "bid"):
    # Times without a zone: DuckDB's calendar arithmetic on times with one takes several times as long.
    connection.execute(
        f"""CREATE VIEW {table} AS SELECT * REPLACE (make_timestamp(epoch_us(date_time)) AS date_time)
        FROM read_parquet('{events}/{table}/*.parquet')"""
    )
connection.execute(f"COPY ({pathlib.Path(query).read_text()}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
