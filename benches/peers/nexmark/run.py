#!/usr/bin/env python3
"""Queries of the Nexmark benchmark by Tidegate and by DuckDB, one after the other over the same files.

Tidegate runs each query as a project of its own in a fresh folder: `tidegate run --until-end`, which commits its epochs
and releases every window. Where a query joins or compares groups, which a signal does not do, the signal holds the
aggregation and `tidegate sql` does the rest over released rows (`tidegate/<query>.after.sql`); the cost of both is
added. DuckDB runs the whole query as one batch. Answers are compared.

    cargo build --release -p tidegate && cargo build --release -p tidegate-nexmark
    python3 benches/peers/nexmark/run.py --bin target/release              # 10M events
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from answers import digest, same  # noqa: E402
from measure import Failed, measure  # noqa: E402

# The streams that each query reads.
QUERIES = {
    "q0": ["bid"],
    "q1": ["bid"],
    "q2": ["bid"],
    "q5": ["bid"],
    "q7": ["bid"],
    "q8": ["person", "auction"],
    "q11": ["bid"],
    "q12": ["bid"],
    "q14": ["bid"],
    "q15": ["bid"],
    "q16": ["bid"],
    "q17": ["bid"],
    "q22": ["bid"],
}


def by_tidegate(binary, query, events, out):
    """What a query costs Tidegate, and where its rows are then."""
    project = out / "project"
    (project / "sql").mkdir(parents=True)
    shutil.copy(HERE / "streams.sql", project / "sql")
    shutil.copy(HERE / f"tidegate/{query}.sql", project / "sql")
    (project / "tidegate.toml").write_text(f'[params]\ndata = "{events}"\n')
    costs = [measure([binary / "tidegate", "run", "--until-end", "--project", project])]
    after = HERE / f"tidegate/{query}.after.sql"
    if not after.exists():
        return costs, f"read_parquet('{project}/released/signal={query}/**/*.parquet')"
    rows = out / "after.parquet"
    # The query begins with a comment, which would be taken for an option without the `--`.
    sql = [binary / "tidegate", "sql", "--format", "parquet", "--project", project, "--", after.read_text()]
    costs.append(measure(sql, stdout=rows))
    return costs, f"read_parquet('{rows}')"


def by_duckdb(threads, query, events, out):
    out.mkdir()
    rows = out / "rows.parquet"
    return [measure([sys.executable, HERE / "duckdb_peer.py", HERE / f"duckdb/{query}.sql", events, rows, threads])], (
        f"read_parquet('{rows}')"
    )


def total(costs):
    return {
        "wall_s": sum(cost["wall_s"] for cost in costs),
        "cpu_s": sum(cost["cpu_s"] for cost in costs),
        "peak_mib": max(cost["peak_mib"] for cost in costs),
    }


def run_query(options, query, events, work):
    """The medians of both engines; the first round warms the page cache and is left out."""
    figures = {"tidegate": [], "duckdb": []}
    for turn in range(options.rounds + 1):
        out = work / f"{query}-{turn}"
        out.mkdir()
        tidegate, released = by_tidegate(options.bin, query, events, out / "tidegate")
        duck, expected = by_duckdb(options.threads, query, events, out / "duckdb")
        figures["tidegate"].append(total(tidegate))
        figures["duckdb"].append(total(duck))
        if turn == 0:
            compare(query, released, expected)
        shutil.rmtree(out)
    return {
        name: {key: statistics.median(figure[key] for figure in rounds[1:]) for key in rounds[0]}
        for name, rounds in figures.items()
    }


def compare(query, released, expected):
    connection = duckdb.connect()
    columns = [name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {expected}").fetchall()]
    ours, theirs = digest(connection, released, columns), digest(connection, expected, columns)
    if not same(ours, theirs):
        raise Failed(f"the answers differ: Tidegate {ours}, DuckDB {theirs} (rows, sum of hashes, sums of floats)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default="target/release", help="folder of the release binaries")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", nargs="*", default=list(QUERIES), choices=QUERIES)
    parser.add_argument("--data", type=pathlib.Path, help="events that nexmark-events has written before")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    options.threads = len(os.sched_getaffinity(0))

    work = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    try:
        events = options.data.resolve() if options.data else work / "events"
        if not options.data:
            print(f"generating {options.events} events ...", file=sys.stderr)
            counts = ["--events", str(options.events), "--files", str(options.files)]
            subprocess.run([options.bin / "nexmark-events", events, *counts], check=True)
        count = "SELECT COUNT(*) FROM read_parquet('{}/{}/*.parquet')"
        rows = {name: duckdb.execute(count.format(events, name)).fetchone()[0] for name in ("person", "auction", "bid")}
        print(f"{rows['person']:,} persons, {rows['auction']:,} auctions, {rows['bid']:,} bids; ", end="")
        print(f"{options.threads} threads, medians of {options.rounds} rounds after one to warm up\n")
        print("| query | rows read | Tidegate rows/s/core | DuckDB rows/s/core | CPU s | wall s | peak MiB | CPU to DuckDB |")
        print("|---|---|---|---|---|---|---|---|", flush=True)
        failures = {}
        for query in options.queries:
            try:
                medians = run_query(options, query, events, work)
                print(line(query, sum(rows[stream] for stream in QUERIES[query]), medians), flush=True)
            except Failed as failed:
                failures[query] = failed
                print(f"| {query} | failed, see below | | | | | | |", flush=True)
        for query, failed in failures.items():
            print(f"\n{query}: {failed}")
        sys.exit(1 if failures else 0)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def line(query, rows, medians):
    """A line of the table; CPU, wall and peak as `Tidegate, DuckDB`."""
    ours, theirs = medians["tidegate"], medians["duckdb"]
    cells = [
        query,
        f"{rows:,}",
        f"{rows / ours['cpu_s']:,.0f}",
        f"{rows / theirs['cpu_s']:,.0f}",
        f"{ours['cpu_s']:.2f}, {theirs['cpu_s']:.2f}",
        f"{ours['wall_s']:.2f}, {theirs['wall_s']:.2f}",
        f"{ours['peak_mib']:.0f}, {theirs['peak_mib']:.0f}",
        f"{ours['cpu_s'] / theirs['cpu_s']:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
