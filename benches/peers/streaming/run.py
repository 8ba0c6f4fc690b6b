#!/usr/bin/env python3
"""The same tumbling aggregate by Tidegate, Spark Structured Streaming and Flink SQL, one after the other in one run.

COUNT, AVG, SUM and a filtered COUNT by one-minute window, tenant, task class and model version, over one hour of traces
in 8 files with up to 10 seconds of disorder and a watermark of 10 seconds. Each engine reads files, keeps its place
durably and writes files exactly once. Spark and Tidegate read Parquet, Flink and Tidegate read NDJSON. Counted are CPU
seconds of the whole process tree, wall seconds, peak memory, and the rows that stand behind what was released.

How to install the peers: README.md beside this file.

    python3 benches/peers/streaming/run.py --bin target/release
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

import duckdb

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from answers import digest, same  # noqa: E402
from generate import SPAN_MS, generate, mark_the_end  # noqa: E402
from measure import Failed, measure  # noqa: E402

STREAM = """CREATE STREAM traces (
  event_time TIMESTAMP, tenant VARCHAR, user_id BIGINT, task_class VARCHAR, model_version VARCHAR,
  confidence DOUBLE, latency_ms DOUBLE, cost_usd DOUBLE, outcome VARCHAR)
WITH (path = '{folder}', format = '{form}', event_time = 'event_time', watermark = INTERVAL '10 seconds');
"""
SIGNAL = """CREATE SIGNAL minutes AS
SELECT window_start, window_end, tenant, task_class, model_version,
  COUNT(*) AS n, AVG(latency_ms) AS avg_latency, SUM(cost_usd) AS cost,
  COUNT(*) FILTER (WHERE outcome = 'accepted') AS accepted
FROM TUMBLE(traces, event_time, INTERVAL '1 minute')
GROUP BY window_start, window_end, tenant, task_class, model_version;
"""
# As Spark does, a commit after every file.
SETTINGS = "[epoch]\nmax_files = 1\n"
COLUMNS = ["window_start", "tenant", "task_class", "model_version", "n", "avg_latency", "cost", "accepted"]
FLINK_COLUMNS = """{window_start: 'TIMESTAMP', window_end: 'TIMESTAMP', tenant: 'VARCHAR', task_class: 'VARCHAR',
  model_version: 'VARCHAR', n: 'BIGINT', avg_latency: 'DOUBLE', cost: 'DOUBLE', accepted: 'BIGINT'}"""


class Tidegate:
    def __init__(self, options, form):
        self.binary, self.form = options.bin / "tidegate", form
        self.name = f"Tidegate, {'Parquet' if form == 'parquet' else 'NDJSON'}"
        self.compared_to = self.name

    def command(self, data, out):
        project = out / "project"
        (project / "sql").mkdir(parents=True)
        (project / "sql/minutes.sql").write_text(STREAM.format(folder=data / self.form, form=self.form) + SIGNAL)
        (project / "tidegate.toml").write_text(SETTINGS)
        return [self.binary, "run", "--until-end", "--json", "--project", project]

    def released(self, out):
        return f"read_parquet('{out}/project/released/signal=minutes/**/*.parquet')"

    def late(self, figures):
        return json.loads(figures["stdout"])["signals"]["minutes"]["rows"]["late"]


class Spark:
    compared_to = "Tidegate, Parquet"

    def __init__(self, options, folder):
        self.python, self.threads, self.folder = options.spark_python, options.threads, folder
        self.name = "Spark, append" + (", end marked" if folder == "marked" else "")

    def command(self, data, out):
        return [self.python, HERE / "spark_peer.py", data / self.folder, out, self.threads]

    def released(self, out):
        # The end mark is a row of the script's own, and its window is never closed.
        return f"read_parquet('{out}/data/*.parquet')"

    def late(self, figures):
        return json.loads(figures["stdout"].splitlines()[-1])["late"]


class Flink:
    compared_to = "Tidegate, NDJSON"

    def __init__(self, options, watermark_s):
        self.python, self.threads, self.watermark_s = options.flink_python, options.threads, watermark_s
        self.name = f"Flink SQL, watermark {watermark_s} s"

    def command(self, data, out):
        # Flink's interval literals hold two digits a field.
        watermark = f"INTERVAL '{self.watermark_s // 60:02}:{self.watermark_s % 60:02}' MINUTE TO SECOND"
        return [self.python, HERE / "flink_peer.py", data / "ndjson", out, self.threads, watermark]

    def released(self, out):
        return f"read_json('{out}/data/part-*', format = 'newline_delimited', columns = {FLINK_COLUMNS})"

    def late(self, figures):
        return None


def is_there(python, module):
    """Whether a peer can be run; if not, says so and what to do."""
    try:
        subprocess.run([python, "-c", f"import {module}"], check=True, capture_output=True)
        subprocess.run(["java", "-version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped: {module} cannot be run by {python} ({error}); see README.md", file=sys.stderr)
        return False
    return True


def run(engine, data, out):
    """One run: what it cost, and which rows stand behind what it released."""
    out.mkdir(parents=True)
    figures = measure(engine.command(data, out))
    figures["late"] = engine.late(figures)
    connection = duckdb.connect()
    released = engine.released(out)
    try:
        figures["counted"] = connection.execute(f"SELECT COALESCE(SUM(n), 0) FROM {released}").fetchone()[0]
        figures["answer"] = digest(connection, released, COLUMNS)
    except duckdb.IOException:
        # Spark's file sink writes no file until a window is closed.
        figures["counted"], figures["answer"] = 0, None
    shutil.rmtree(out)
    return figures



def spread(values, digits=None):
    """A median, or the range where rounds differ."""
    values = sorted(values)
    if digits is not None:
        return f"{statistics.median(values):.{digits}f}"
    return f"{values[0]:,}" if values[0] == values[-1] else f"{values[0]:,} to {values[-1]:,}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default="target/release", help="folder of the release binaries")
    parser.add_argument("--spark-python", default="target/venv-spark/bin/python", help="a Python that has pyspark")
    parser.add_argument("--flink-python", default="target/venv-flink/bin/python", help="a Python that has apache-flink")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="for Spark and Flink")
    options = parser.parse_args()
    options.bin = options.bin.resolve()

    engines = [Tidegate(options, "parquet"), Tidegate(options, "ndjson")]
    if is_there(options.spark_python, "pyspark"):
        engines += [Spark(options, "parquet"), Spark(options, "marked")]
    if is_there(options.flink_python, "pyflink"):
        # The second waits for the whole input, so that no row is late: the way to have Flink count them all.
        engines += [Flink(options, 10), Flink(options, SPAN_MS // 1000)]

    work = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    try:
        print(f"generating {options.rows} rows ...", file=sys.stderr)
        for name, rows in {"few": options.files, "all": options.rows}.items():
            generate(work / name, rows, options.files)
            mark_the_end(work / name)
        starts, figures = {}, {engine.name: [] for engine in engines}
        for engine in engines:
            print(f"starting {engine.name} ...", file=sys.stderr)
            # One row a file: what is left is the cost of starting and ending, of a JVM above all.
            starts[engine.name] = run(engine, work / "few", work / "out")["cpu_s"]
        for turn in range(options.rounds):
            for engine in engines[turn % len(engines) :] + engines[: turn % len(engines)]:
                print(f"round {turn + 1}: {engine.name} ...", file=sys.stderr)
                figures[engine.name].append(run(engine, work / "all", work / "out"))
        report(options, engines, starts, figures)
    except Failed as failed:
        sys.exit(str(failed))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def report(options, engines, starts, figures):
    first, *others = [
        (name, figure["answer"])
        for name, rounds in figures.items()
        for figure in rounds
        if figure["counted"] == options.rows
    ]
    for other in others:
        if not same(first[1], other[1]):
            sys.exit(f"engines that counted every row disagree: {first}, {other}")
    medians = {
        name: {key: statistics.median(figure[key] for figure in rounds) for key in ("cpu_s", "peak_mib")}
        for name, rounds in figures.items()
    }
    print(f"{options.rows:,} rows in {options.files} files, {options.threads} threads, {options.rounds} rounds\n")
    print("| engine | wall s | CPU s | of it start | peak MiB | CPU, memory to Tidegate | counted | missing | late, as told |")
    print("|---|---|---|---|---|---|---|---|---|")
    for engine in engines:
        rounds, own, base = figures[engine.name], medians[engine.name], medians[engine.compared_to]
        late = spread([figure["late"] for figure in rounds]) if rounds[0]["late"] is not None else "not told"
        cells = [
            engine.name,
            spread([figure["wall_s"] for figure in rounds], 2),
            f"{own['cpu_s']:.2f}",
            f"{starts[engine.name]:.2f}",
            f"{own['peak_mib']:.0f}",
            f"{own['cpu_s'] / base['cpu_s']:.1f}, {own['peak_mib'] / base['peak_mib']:.1f}",
            spread([figure["counted"] for figure in rounds]),
            spread([options.rows - figure["counted"] for figure in rounds]),
            late,
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
