"""The tumbling aggregate by Spark Structured Streaming: a file source, a checkpoint a batch, an exactly-once file sink.

    python spark_peer.py FOLDER_OF_PARQUET OUT THREADS

Prints one line of JSON: the rows that Spark itself says it dropped as late.
"""

import json
import sys

from pyspark.sql import SparkSession, functions as F

folder, out, threads = sys.argv[1:4]
spark = (
    SparkSession.builder.master(f"local[{threads}]")
    .config("spark.sql.shuffle.partitions", threads)
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.driver.memory", "4g")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
schema = spark.read.parquet(folder).schema
aggregate = (
    # A file a batch, in order of modification: with all files in one batch no watermark would be in force at all.
    spark.readStream.schema(schema)
    .option("maxFilesPerTrigger", 1)
    .parquet(folder)
    .withColumn("event_time", F.col("event_time").cast("timestamp"))
    .withWatermark("event_time", "10 seconds")
    .groupBy(F.window("event_time", "1 minute"), "tenant", "task_class", "model_version")
    .agg(
        F.count("*").alias("n"),
        F.avg("latency_ms").alias("avg_latency"),
        F.sum("cost_usd").alias("cost"),
        F.count_if(F.col("outcome") == "accepted").alias("accepted"),
    )
    .select(
        F.col("window.start").alias("window_start"),
        F.col("window.end").alias("window_end"),
        *["tenant", "task_class", "model_version", "n", "avg_latency", "cost", "accepted"],
    )
)
query = (
    aggregate.writeStream.outputMode("append")
    .trigger(availableNow=True)
    .option("checkpointLocation", f"{out}/checkpoint")
    .format("parquet")
    .option("path", f"{out}/data")
    .start()
)
query.awaitTermination()
states = [state for progress in query.recentProgress for state in progress["stateOperators"]]
print(json.dumps({"late": sum(state["numRowsDroppedByWatermark"] for state in states)}))
spark.stop()
