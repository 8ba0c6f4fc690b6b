#!/usr/bin/env python3
"""Does memory stay within its bounds? 100 million rows in a million groups, and in a thousand, by Tidegate.

With `memory = "512 MiB"` the million groups may take 900 MiB of resident memory at the peak, and the thousand groups
300 MiB; else the exit code is 1. Both answers are known by construction: row i belongs to group i * 7,368,787 modulo the
number of groups, so that every group has the same number of rows, in disorder, and its values are group, group + 1, ...

    cargo build --release -p tidegate
    python3 benches/peers/memory.py --bin target/release
"""

import argparse
import pathlib
import shutil
import sys
import tempfile

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from measure import Failed, measure

SQL = """CREATE STREAM t WITH (path = 'landing', format = 'parquet', event_time = 'ts', watermark = INTERVAL '10 seconds');
CREATE SIGNAL days AS
SELECT window_start, window_end, k,
  COUNT(*) AS n, SUM(x) AS total, MIN(x) AS least, MAX(x) AS most
FROM TUMBLE(t, ts, INTERVAL '1 day')
GROUP BY window_start, window_end, k;
"""
# Groups, and the peak in MiB that they may take.
CASES = [(1_000_000, 900), (1_000, 300)]
# A prime above every number of groups here, so that consecutive rows visit all groups once before the first again.
STRIDE = 7_368_787
START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
DAY_US = 86_400_000_000
ROWS_PER_CHUNK = 1_000_000


def generate(folder, rows, groups, files, text_keys):
    """The rows of one day in order of time, chunk by chunk, so that little memory is taken."""
    folder.mkdir(parents=True)
    kind = pa.string() if text_keys else pa.int64()
    schema = pa.schema([("ts", pa.timestamp("us", "UTC")), ("k", kind), ("x", pa.int64())])
    names = pa.array([f"group-{number:07}" for number in range(groups)]) if text_keys else None
    bounds = [rows * part // files for part in range(files + 1)]
    for part, (first, last) in enumerate(zip(bounds, bounds[1:])):
        with pq.ParquetWriter(folder / f"part-{part:04}.parquet", schema, compression="zstd") as writer:
            for start in range(first, last, ROWS_PER_CHUNK):
                row = np.arange(start, min(start + ROWS_PER_CHUNK, last))
                group = row * STRIDE % groups
                columns = {
                    "ts": START_US + row * (DAY_US // rows),
                    "k": names.take(pa.array(group)) if text_keys else group,
                    "x": group + row // groups,
                }
                writer.write_table(pa.table(columns, schema=schema))


def check(released, rows, groups, text_keys):
    """Every group is there, and has what it must have."""
    each = rows // groups
    number = "CAST(right(k, 7) AS BIGINT)" if text_keys else "k"
    wrong = f"""n <> {each} OR least <> {number} OR most <> {number} + {each} - 1
      OR total <> {each} * {number} + {each * (each - 1) // 2}"""
    found = duckdb.execute(
        f"SELECT COUNT(*), COUNT(DISTINCT k), COUNT(*) FILTER (WHERE {wrong}) FROM read_parquet('{released}')"
    ).fetchone()
    if found != (groups, groups, 0):
        raise Failed(f"wrong answer: {found[0]} rows of {found[1]} groups, {found[2]} of them wrong; expected {groups}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default="target/release", help="folder of the release binaries")
    parser.add_argument("--rows", type=int, default=100_000_000, help="a multiple of a million")
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--memory", default="512 MiB", help="the setting; empty to leave it out")
    parser.add_argument("--text-keys", action="store_true", help="keys of 13 letters instead of integers")
    options = parser.parse_args()
    if options.rows % max(groups for groups, _ in CASES) != 0:
        parser.error("--rows must be a multiple of a million")

    too_much = False
    print(f"{options.rows:,} rows, {options.files} files, memory = {options.memory or 'not set'}\n")
    print("| groups | wall s | CPU s | peak MiB | allowed |")
    print("|---|---|---|---|---|", flush=True)
    for groups, allowed_mib in CASES:
        project = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
        try:
            generate(project / "landing", options.rows, groups, options.files, options.text_keys)
            (project / "sql").mkdir()
            (project / "sql/days.sql").write_text(SQL)
            (project / "tidegate.toml").write_text(f'memory = "{options.memory}"\n' if options.memory else "")
            figure = measure([options.bin / "tidegate", "run", "--until-end", "--project", project])
            check(project / "released/signal=days/**/*.parquet", options.rows, groups, options.text_keys)
        except Failed as failed:
            sys.exit(str(failed))
        finally:
            shutil.rmtree(project, ignore_errors=True)
        cells = f"{figure['wall_s']:.1f} | {figure['cpu_s']:.1f} | {figure['peak_mib']:.0f} | {allowed_mib}"
        print(f"| {groups:,} | {cells} |", flush=True)
        too_much |= figure["peak_mib"] > allowed_mib
    sys.exit(1 if too_much else 0)


if __name__ == "__main__":
    main()
