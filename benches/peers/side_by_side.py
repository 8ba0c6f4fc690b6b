#!/usr/bin/env python3
"""The same grouped aggregate by Tidegate, plain DataFusion and DuckDB, one after the other in one run.

COUNT, SUM, AVG, MIN, MAX by one-minute window and key, over Parquet files. Tidegate commits one epoch per file and
releases every window at the end. Each engine is a process of its own; wall time, CPU seconds (user + system) and peak
memory are the kernel's. The order of engines changes from round to round; figures are medians, and ratios are taken
against plain DataFusion. Answers are compared before any figure is printed.

    pip install duckdb
    cargo build --release -p tidegate && cargo build --release -p tidegate-benches
    python3 benches/peers/side_by_side.py --bin target/release
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SQL = """CREATE STREAM t WITH (path = 'landing', format = 'parquet', event_time = 'ts');
CREATE SIGNAL minutes AS
SELECT window_start, window_end, k,
  COUNT(*) AS n, SUM(x) AS total, AVG(x) AS mean, MIN(x) AS least, MAX(x) AS most
FROM TUMBLE(t, ts, INTERVAL '1 minute')
GROUP BY window_start, window_end, k;
"""

DUCKDB = """
import duckdb, sys
folder, out, threads = sys.argv[1:4]
con = duckdb.connect()
con.execute(f"SET threads = {threads}")
con.execute(f'''COPY (SELECT time_bucket(INTERVAL 1 minute, ts) AS window_start, k, COUNT(*) AS n, SUM(x) AS total,
  AVG(x) AS mean, MIN(x) AS least, MAX(x) AS most FROM read_parquet('{folder}/*.parquet') GROUP BY ALL ORDER BY ALL)
  TO '{out}' (FORMAT parquet, COMPRESSION zstd)''')
"""


def generate(folder, rows, files, keys, minutes):
    """Rows in order of time, spread evenly over the minutes, the same in every run."""
    import duckdb

    folder.mkdir(parents=True)
    per_file = rows // files
    for part in range(files):
        first = part * per_file
        duckdb.execute(
            f"""COPY (
            SELECT to_timestamp(1767571200 + (i * {minutes} * 60.0) / {rows}) AS ts,
              'key' || lpad(CAST(hash(i) % {keys} AS VARCHAR), 4, '0') AS k,
              CAST(hash(i + 1) % 1000000007 AS DOUBLE) / 1000.0 AS x
            FROM range({first}, {first + per_file}) r(i))
            TO '{folder}/part-{part:04}.parquet' (FORMAT parquet, COMPRESSION zstd)"""
        )


def measure(command):
    """Runs a command and gives wall seconds, CPU seconds and peak MiB, as the kernel counted them."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if status != 0:
            output.seek(0)
            sys.exit(f"{command}: {output.read().decode()}")
    return {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}


def answer(pattern):
    """A digest of an engine's rows; floats to 9 digits, since only Tidegate adds them exactly."""
    import duckdb

    duckdb.execute("SET TimeZone = 'UTC'")
    return duckdb.execute(
        f"""SELECT COUNT(*), SUM(n), SUM(hash(left(CAST(window_start AS VARCHAR), 16), k, n)), SUM(hash(k, least, most)),
        printf('%.8e', SUM(total)), printf('%.8e', SUM(mean)) FROM read_parquet('{pattern}')"""
    ).fetchone()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default="target/release", help="folder of the release binaries")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--keys", type=int, default=500)
    parser.add_argument("--minutes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    work = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    landing, project = work / "project" / "landing", work / "project"
    try:
        print(f"generating {options.rows} rows in {options.files} files ...", file=sys.stderr)
        generate(landing, options.rows, options.files, options.keys, options.minutes)
        (project / "sql").mkdir()
        (project / "sql/minutes.sql").write_text(SQL)
        (project / "tidegate.toml").write_text("[epoch]\nmax_files = 1\n")
        out = work / "out"
        script = work / "duck.py"
        script.write_text(DUCKDB)
        threads = len(os.sched_getaffinity(0))
        engines = {
            "tidegate": [options.bin / "tidegate", "run", "--until-end", "--project", project, "--root", out / "tidegate"],
            "datafusion": [options.bin / "plain-datafusion", landing, out / "datafusion.parquet"],
            "duckdb": [sys.executable, script, landing, out / "duckdb.parquet", threads],
        }
        rows_of = {
            "tidegate": out / "tidegate/released/signal=minutes/**/*.parquet",
            "datafusion": out / "datafusion.parquet",
            "duckdb": out / "duckdb.parquet",
        }
        figures = {name: [] for name in engines}
        for turn in range(options.rounds + 1):
            # Moved aside, not removed: freed inodes would slow the next round's files down.
            if out.exists():
                out.rename(work / f"out-{turn}")
            out.mkdir()
            names = list(engines)
            names = names[turn % 3 :] + names[: turn % 3]
            for name in names:
                figures[name].append(measure(engines[name]))
        answers = {name: answer(pattern) for name, pattern in rows_of.items()}
        if len(set(answers.values())) != 1:
            sys.exit(f"the engines disagree: {answers}")
        epochs = len(list((out / "tidegate/log/commits").glob("*.json"))) - 1

        # The first round warms the page cache and is left out.
        medians = {
            name: {key: statistics.median(figure[key] for figure in all_figures[1:]) for key in all_figures[0]}
            for name, all_figures in figures.items()
        }
        base = medians["datafusion"]
        print(f"{options.rows} rows, {options.files} files, {epochs} epochs, {answers['tidegate'][0]} groups, {threads} threads")
        print(f"{'':12} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}    ratio to DataFusion: wall, CPU, memory")
        for name, figure in medians.items():
            ratios = "  ".join(f"{figure[key] / base[key]:.2f}" for key in base)
            print(f"{name:12} {figure['wall_s']:8.2f} {figure['cpu_s']:8.2f} {figure['peak_mib']:9.0f}    {ratios}")
        print(json.dumps({"rows": options.rows, "epochs": epochs, "engines": medians}))
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
