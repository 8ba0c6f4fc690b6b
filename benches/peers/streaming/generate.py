"""Decision traces in disorder, the same in every run: once as Parquet, once as NDJSON, with the same rows."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SPAN_MS = 3_600_000
DISORDER_MS = 10_000
SEED = 42


def generate(folder, rows, files):
    """One hour of traces. Files follow each other in time; within and across them rows are up to 10 s out of order.

    Times are whole milliseconds, because Flink's JSON format has no more.
    """
    random = np.random.default_rng(SEED)
    tenants = pa.array([f"t{number:02}" for number in range(50)])
    classes = pa.array([f"class_{number}" for number in range(8)])
    models = pa.array([f"m{number}" for number in range(4)])
    outcomes = pa.array(["accepted", "edited", "rejected", "escalated", "rolled_back"])
    for form in ("parquet", "ndjson"):
        (folder / form).mkdir(parents=True)
    bounds = [rows * part // files for part in range(files + 1)]
    for part, (first, last) in enumerate(zip(bounds, bounds[1:])):
        count = last - first
        in_order = START_MS + np.arange(first, last) * SPAN_MS // rows
        times = np.maximum(in_order - random.integers(0, DISORDER_MS, count), START_MS)
        traces = pa.table(
            {
                "event_time": pa.array(times, pa.timestamp("ms")).cast(pa.timestamp("us")),
                "tenant": tenants.take(pa.array(random.zipf(1.3, count) % 50)),
                "user_id": pa.array(random.integers(0, 10_000, count)),
                "task_class": classes.take(pa.array(random.integers(0, 8, count))),
                "model_version": models.take(pa.array(random.integers(0, 4, count))),
                "confidence": pa.array(random.random(count)),
                "latency_ms": pa.array(random.lognormal(5, 1, count)),
                "cost_usd": pa.array(random.gamma(2, 0.002, count)),
                "outcome": outcomes.take(pa.array(random.choice(5, count, p=[0.6, 0.2, 0.1, 0.07, 0.03]))),
            }
        )
        name = f"part-{part:04}"
        pq.write_table(traces, folder / f"parquet/{name}.parquet", compression="zstd", row_group_size=131_072)
        duckdb.execute(
            f"""COPY (SELECT * REPLACE (strftime(event_time, '%Y-%m-%d %H:%M:%S.%g') AS event_time) FROM traces)
            TO '{folder}/ndjson/{name}.ndjson' (FORMAT json)"""
        )


def mark_the_end(folder):
    """The Parquet files again, and one more of a row a day later, which pushes Spark's watermark past all windows."""
    marked = folder / "marked"
    marked.mkdir()
    for file in sorted((folder / "parquet").iterdir()):
        (marked / file.name).hardlink_to(file)
    row = pq.read_table(min(marked.iterdir())).slice(0, 1)
    later = pa.array([START_MS + 86_400_000], pa.timestamp("ms")).cast(pa.timestamp("us"))
    pq.write_table(row.set_column(0, "event_time", later), marked / "part-9999.parquet")
