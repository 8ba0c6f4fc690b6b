"""Sends batches of rows over Arrow Flight until all are landed, whatever becomes of the server.

    python rows.py 127.0.0.1:4317 <batches> <rows of each> <file of acknowledged numbers>
"""
import json
import sys
import time

import pyarrow as pa
import pyarrow.flight as flight

address, batches, rows, acknowledged = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
STREAM, PRODUCER = "clicks", "pyarrow"
SCHEMA = pa.schema([("at", pa.timestamp("us")), ("id", pa.int64()), ("page", pa.string())])


def batch(number):
    ids = range((number - 1) * rows, number * rows)
    at = pa.array([1_767_600_000_000_000 + id for id in ids], pa.timestamp("us"))
    return pa.record_batch([at, pa.array(ids, pa.int64()), pa.array([f"p{id % 7}" for id in ids])], SCHEMA)


def send(log):
    client = flight.connect(f"grpc://{address}")
    question = json.dumps({"stream": STREAM, "producer": PRODUCER}).encode()
    (answer,) = client.do_action(flight.Action("position", question))
    landed = json.loads(answer.body.to_pybytes())["landed"]
    headers = [(b"x-tidegate-producer", PRODUCER.encode()), (b"x-tidegate-sequence", str(landed + 1).encode())]
    options = flight.FlightCallOptions(headers=headers)
    writer, reader = client.do_put(flight.FlightDescriptor.for_path(STREAM), SCHEMA, options)
    while landed < batches:
        # A few are under way at a time, so that a kill meets some of them.
        last = min(batches, landed + 8)
        for number in range(landed + 1, last + 1):
            writer.write_batch(batch(number))
        while landed < last:
            landed = json.loads(reader.read().to_pybytes())["sequence"]
            print(landed, file=log, flush=True)
    writer.done_writing()
    writer.close()


deadline = time.monotonic() + 300
with open(acknowledged, "a") as log:
    while True:
        try:
            send(log)
            break
        except (flight.FlightError, pa.ArrowException, AttributeError) as error:
            if time.monotonic() > deadline:
                sys.exit(f"not landed in time: {error}")
            time.sleep(0.05)
