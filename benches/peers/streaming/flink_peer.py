"""The tumbling aggregate by Flink SQL in a local cluster: a bounded file source, checkpoints, an exactly-once file sink.

    python flink_peer.py FOLDER_OF_NDJSON OUT THREADS WATERMARK

The wheel has the formats json and csv, and no Parquet. Flink SQL tells nobody about rows that it drops as late, so
nothing is printed about them.
"""

import sys

from pyflink.table import EnvironmentSettings, TableEnvironment

folder, out, threads, watermark = sys.argv[1:5]
tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
for name, value in {
    "parallelism.default": threads,
    "table.local-time-zone": "UTC",
    "execution.checkpointing.interval": "5 s",
    "execution.checkpointing.dir": f"file://{out}/checkpoint",
    "taskmanager.memory.managed.size": "512m",
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
}.items():
    tables.get_config().set(name, value)
tables.execute_sql(
    f"""CREATE TABLE traces (event_time TIMESTAMP(3), tenant STRING, user_id BIGINT, task_class STRING,
      model_version STRING, confidence DOUBLE, latency_ms DOUBLE, cost_usd DOUBLE, outcome STRING,
      WATERMARK FOR event_time AS event_time - {watermark})
    WITH ('connector' = 'filesystem', 'path' = 'file://{folder}', 'format' = 'json')"""
)
tables.execute_sql(
    f"""CREATE TABLE minutes (window_start TIMESTAMP(3), window_end TIMESTAMP(3), tenant STRING, task_class STRING,
      model_version STRING, n BIGINT, avg_latency DOUBLE, cost DOUBLE, accepted BIGINT)
    WITH ('connector' = 'filesystem', 'path' = 'file://{out}/data', 'format' = 'json')"""
)
tables.execute_sql(
    """INSERT INTO minutes SELECT window_start, window_end, tenant, task_class, model_version, COUNT(*),
      AVG(latency_ms), SUM(cost_usd), COUNT(*) FILTER (WHERE outcome = 'accepted')
    FROM TABLE(TUMBLE(TABLE traces, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end, tenant, task_class, model_version"""
).wait()
