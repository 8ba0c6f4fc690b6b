#!/usr/bin/env python3
"""A count and a sum by key under differential privacy, by Tidegate and three others, one after the other in one run.

Each engine is a process of its own over the same Parquet file: epsilon 10 (of less, no key
of 50 users is shown), delta 1e-8, one user in 5 keys at most, 0 to 50
rows and 0 to 30,000 in value of each. DuckDB adds no noise: it is the plain two-level aggregate (by key and user, clamped,
then by key), and so the floor. Figures are medians, ratios are to Tidegate.

    python3 benches/peers/privacy/run.py --bin target/release --dp-python ... --smartnoise-python ...
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import tempfile

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))
import measure  # noqa: E402

QUERY = """SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 10.0, delta = 1e-8, privacy_unit_column = u,
  max_groups_contributed = 5) k, COUNT(*, contribution_bounds_per_group => (0, 50)) AS n,
  SUM(x, contribution_bounds_per_group => (0, 30000)) AS s FROM d GROUP BY k"""

STREAM = """CREATE STREAM d WITH (path = 'landing', format = 'parquet', event_time = 'at',
  watermark = INTERVAL '1 minute', privacy_unit = 'u');
"""

# Those that count every row.
EXACT = {"Tidegate", "DuckDB, no noise"}

# One charge a run; the budget of a bench is not the point.
CONFIG = "[privacy]\nepsilon = 1000\ndelta = 1e-3\n"


def generate(path, rows, keys, users):
    """Every user has rows in 5 keys, the same in every run."""
    import duckdb

    duckdb.execute(
        f"""COPY (
        SELECT CAST(hash(i) % {users} AS BIGINT) AS u,
          CAST((hash(hash(i) % {users}) + hash(i + 1) % 5 * 7919) % {keys} AS BIGINT) AS k,
          CAST(hash(i + 2) % 1000000 AS DOUBLE) / 1000.0 AS x,
          TIMESTAMP '2026-01-05 00:00:00' + to_microseconds(CAST(i * (86400000000.0 / {rows}) AS BIGINT)) AS at
        FROM range({rows}) r(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1000000)"""
    )


def exact(path):
    """Rows and value by key, to compare answers with."""
    import duckdb

    return {k: (n, s) for k, n, s in duckdb.execute(f"SELECT k, COUNT(*), SUM(x) FROM '{path}' GROUP BY k").fetchall()}


def compared(printed, truth):
    """How many keys are shown, and their count as a share of the true one."""
    lines = [line.split(",") for line in printed.split() if line[0].isdigit()]
    true = sum(truth[int(line[0])][0] for line in lines)
    return len(lines), sum(float(line[1]) for line in lines) / max(true, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default="target/release", help="folder of the release binaries")
    parser.add_argument("--dp-python", help="a Python with opendp[polars]==0.16.0")
    parser.add_argument("--smartnoise-python", help="a Python with smartnoise-sql and pyarrow")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--keys", type=int, nargs="+", default=[50, 10_000])
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dp-rounds", type=int, default=3, help="rounds of the two peers that are slow")
    options = parser.parse_args()

    work = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    try:
        print("| rows, keys | engine | keys shown | of their rows counted | wall s | CPU s | peak MiB | wall, CPU, memory to Tidegate |")
        print("|---|---|---|---|---|---|---|---|")
        for rows in options.rows:
            for keys in options.keys:
                compare(options, work / f"{rows}-{keys}", rows, keys)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def compare(options, work, rows, keys):
    landing = work / "landing"
    landing.mkdir(parents=True)
    file = landing / "rows.parquet"
    generate(file, rows, keys, options.users)
    (work / "sql").mkdir()
    (work / "sql/d.sql").write_text(STREAM)
    (work / "tidegate.toml").write_text(CONFIG)
    truth = exact(file)
    engines = {
        "Tidegate": [options.bin / "tidegate", "sql", "--project", work, "--format", "csv", QUERY],
        "DuckDB, no noise": [sys.executable, FOLDER / "duckdb_peer.py", file],
    }
    if options.dp_python:
        engines["OpenDP, Polars"] = [options.dp_python, FOLDER / "opendp_peer.py", file]
    if options.smartnoise_python:
        engines["SmartNoise SQL"] = [options.smartnoise_python, FOLDER / "smartnoise_peer.py", file]
    figures = {name: [] for name in engines}
    shown, shares = {}, {}
    # Warms the page cache and is left out.
    measure.measure(engines["DuckDB, no noise"])
    for turn in range(options.rounds):
        names = [name for name in engines if name in EXACT or turn < options.dp_rounds]
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            try:
                figure = measure.measure(engines[name])
            except measure.Failed as failed:
                print(f"{name}: {str(failed)[-600:]}", file=sys.stderr)
                continue
            shown[name], share = compared(figure.pop("stdout"), truth)
            shares[name] = share
            if name in EXACT and not 0.9 < share < 1.1:
                sys.exit(f"{name}: counts {share} of the rows")
            figures[name].append(figure)
    medians = {
        name: {key: statistics.median(figure[key] for figure in all_figures) for key in ("wall_s", "cpu_s", "peak_mib")}
        for name, all_figures in figures.items()
        if all_figures
    }
    base = medians["Tidegate"]
    for name, figure in medians.items():
        ratios = ", ".join(f"{figure[key] / base[key]:.2f}" for key in base)
        print(
            f"| {rows:,}, {keys:,} | {name} | {shown[name]:,} | {shares[name]:.2f} | {figure['wall_s']:.2f} | {figure['cpu_s']:.2f} "
            f"| {figure['peak_mib']:.0f} | {ratios} |",
            flush=True,
        )
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
