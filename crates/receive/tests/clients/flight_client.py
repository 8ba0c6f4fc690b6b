"""Sends a table to the stream `events`, and goes on where it left off.

    python flight_client.py 127.0.0.1:4317
"""
import json
import sys

import pyarrow as pa
import pyarrow.flight as flight

STREAM, PRODUCER = "events", "nightly-export"

client = flight.connect(f"grpc://{sys.argv[1]}")
table = pa.table({"id": range(3000), "text": [f"row {n}" for n in range(3000)]})
batches = table.to_batches(max_chunksize=500)  # The same rows in the same batches, whenever this runs.

# How many of them are landed already?
question = json.dumps({"stream": STREAM, "producer": PRODUCER}).encode()
(answer,) = client.do_action(flight.Action("position", question))
landed = json.loads(answer.body.to_pybytes())["landed"]

headers = [(b"x-tidegate-producer", PRODUCER.encode()), (b"x-tidegate-sequence", str(landed + 1).encode())]
# With a token: headers.append((b"authorization", b"Bearer " + token))
descriptor = flight.FlightDescriptor.for_path(STREAM)
writer, reader = client.do_put(descriptor, table.schema, flight.FlightCallOptions(headers=headers))
for batch in batches[landed:]:
    writer.write_batch(batch)
writer.done_writing()

# Each acknowledgement speaks of all batches up to its number.
while landed < len(batches):
    landed = json.loads(reader.read().to_pybytes())["sequence"]
writer.close()
print(f"{landed} batches are landed")
