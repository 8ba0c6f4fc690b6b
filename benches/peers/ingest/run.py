"""What does it cost `tidegate serve` to take rows and spans, beside writing the same rows to Parquet and nothing else?

    pip install pyarrow==26.0.1 opentelemetry-proto
    cargo build --release -p tidegate -p tidegate-benches
    python3 benches/peers/ingest/run.py --bin target/release

Rows come over Arrow Flight from pyarrow, spans as OTLP over HTTP. Processor time is that of the server alone, from the kernel's
accounts; its senders are other processes. The same batches are written by `plain-parquet` in the same run.
"""

import argparse
import http.client
import json
import multiprocessing
import pathlib
import random
import signal
import statistics
import subprocess
import tempfile
import time

import pyarrow as pa
import pyarrow.flight as flight
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BATCH_ROWS = 8192
START_US = 1_767_600_000_000_000
TICKS = 100
ROUNDS = 5

WORDS = {
    "outcome": ["accepted", "edited", "rejected", "escalated", "unknown"],
    "arm": ["control", "treatment"],
    "policy_result": ["allow", "block", "redact", "review"],
    "risk_class": ["low", "medium", "high"],
    "learning_scope": ["global", "local"],
}


def narrow(rows, seed):
    draw = random.Random(seed)
    names = [pa.array([f"name-{draw.randrange(5 << n)}" for _ in range(rows)]) for n in range(4)]
    columns = [pa.array([START_US + row * 250 for row in range(rows)], pa.timestamp("us"))] + names
    columns += [pa.array([draw.randrange(5_000_000) for _ in range(rows)]), pa.array([draw.randrange(4000) for _ in range(rows)])]
    columns += [pa.array([draw.random() for _ in range(rows)])]
    return pa.record_batch(columns, ["at", "n0", "n1", "n2", "n3", "i0", "i1", "x"])


NARROW_SQL = """
CREATE STREAM events (at TIMESTAMP, n0 VARCHAR, n1 VARCHAR, n2 VARCHAR, n3 VARCHAR, i0 BIGINT, i1 BIGINT, x DOUBLE)
  WITH (path = 'landing/events/', format = 'parquet', event_time = 'at');
"""


def decisions(columns, rows, seed):
    """Rows under the shipped contract: ids differ in every row, names are of few kinds, users of some hundreds."""
    draw = random.Random(seed)

    def column(name, kind):
        if name in WORDS:
            return pa.array([draw.choice(WORDS[name]) for _ in range(rows)])
        digits = {"trace_id": 32, "decision_id": 32, "span_id": 16, "envelope_hash": 64, "parent_decision_id": 32}.get(name)
        if digits:
            return pa.array([f"{draw.getrandbits(4 * digits):0{digits}x}" for _ in range(rows)])
        if name == "tenant_id":
            return pa.array([f"tenant-{draw.randrange(20)}" for _ in range(rows)])
        if name in ("user_token", "session_id"):
            return pa.array([f"{name}-{draw.randrange(500)}" for _ in range(rows)])
        if kind.startswith("timestamp"):
            return pa.array([START_US + row * 250 for row in range(rows)], pa.timestamp("us", "UTC"))
        if kind == "int64":
            return pa.array([draw.randrange(5000) for _ in range(rows)])
        if kind == "int32":
            return pa.array([draw.randrange(5) for _ in range(rows)], pa.int32())
        if kind == "double":
            return pa.array([draw.random() for _ in range(rows)])
        if kind == "bool":
            return pa.array([draw.random() < 0.1 for _ in range(rows)])
        if kind.startswith("list"):
            return pa.array([[{"key": "fast", "variant": draw.choice("ab")}] for _ in range(rows)])
        return pa.array([f"{name}-{draw.randrange(8)}" for _ in range(rows)])

    return pa.record_batch([column(name, kind) for name, kind in columns], [name for name, _ in columns])


class Server:
    """`tidegate serve` over a project, and what it has cost so far."""

    def __init__(self, binary, sql):
        self.folder = tempfile.TemporaryDirectory(prefix="tidegate-ingest-")
        root = pathlib.Path(self.folder.name)
        (root / "sql").mkdir()
        (root / "sql" / "all.sql").write_text(sql)
        command = [str(binary / "tidegate"), "serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        log = (root / "serve.log").open("w")
        self.process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=log, text=True)
        self.grpc = self.process.stdout.readline().split()[1]
        self.http = self.process.stdout.readline().split()[1]

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.folder.cleanup()


def columns_of(address, stream):
    client = flight.connect(f"grpc://{address}")
    schema = client.get_schema(flight.FlightDescriptor.for_path(stream)).schema
    plain = [(field.name, "string" if pa.types.is_dictionary(field.type) else str(field.type)) for field in schema]
    return [(name, kind) for name, kind in plain]


def send(address, stream, producer, path, times):
    """Sends the batches of an Arrow file so many times, and waits until all are landed. Starts over where it is told to."""
    with pa.ipc.open_stream(path) as reader:
        batches, schema = list(reader), reader.schema
    total = len(batches) * times
    client = flight.connect(f"grpc://{address}")
    landed = 0
    while landed < total:
        headers = [(b"x-tidegate-producer", producer.encode()), (b"x-tidegate-sequence", str(landed + 1).encode())]
        try:
            options = flight.FlightCallOptions(headers=headers)
            writer, reader = client.do_put(flight.FlightDescriptor.for_path(stream), schema, options)
            for number in range(landed, total):
                writer.write_batch(batches[number % len(batches)])
            writer.done_writing()
            while landed < total:
                landed = json.loads(reader.read().to_pybytes())["sequence"]
            writer.close()
        except (flight.FlightError, pa.ArrowException, AttributeError):
            question = json.dumps({"stream": stream, "producer": producer}).encode()
            (answer,) = client.do_action(flight.Action("position", question))
            landed = json.loads(answer.body.to_pybytes())["landed"]


def in_another_process(work, *arguments):
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    return process


def write_stream(batches, path):
    with pa.ipc.new_stream(path, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def plain(binary, path, times):
    """Processor seconds of writing the same with ArrowWriter."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(binary / "plain-parquet"), str(path), str(times), f"{folder}/out.parquet"]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def side_by_side(binary, what, sql, stream, make, batches, times):
    """Both in turn, so that neither has the colder memory: medians."""
    server = Server(binary, sql)
    rows, served, written, walls = batches * times * BATCH_ROWS, [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "batches.arrow"
        write_stream([make(server, number) for number in range(batches)], path)
        for number in range(ROUNDS):
            written.append(plain(binary, path, times))
            before, start = server.cpu_s(), time.monotonic()
            sender = in_another_process(send, server.grpc, stream, f"bench-{number}", path, times)
            sender.join()
            assert sender.exitcode == 0
            served.append(server.cpu_s() - before)
            walls.append(time.monotonic() - start)
        peak = server.resident_mib()
        server.end()
    cpu, plain_cpu, wall = (statistics.median(seconds) for seconds in (served, written, walls))
    print(
        f"| {what} | {rows:,} | {rows / cpu / 1e6:.2f} | {rows / plain_cpu / 1e6:.2f} | {cpu / plain_cpu:.2f} | {rows / wall / 1e6:.2f} | {peak:.0f} |",
        flush=True,
    )


def request():
    """An OTLP request without spans, and where its spans go."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for key, value in [("tenant.id", "acme"), ("cloud.region", "eu"), ("deployment.environment.name", "prod")]:
        group.resource.attributes.add(key=key).value.string_value = value
    return request, group.scope_spans.add().spans


def add_span(spans, trace, number, name, texts, numbers=(), parent=None):
    span = spans.add()
    span.trace_id, span.span_id = trace.to_bytes(16, "big"), (trace * 8 + number).to_bytes(8, "big")
    if parent is not None:
        span.parent_span_id = (trace * 8 + parent).to_bytes(8, "big")
    span.name = name
    span.start_time_unix_nano = START_US * 1000 + number
    span.end_time_unix_nano = START_US * 1000 + 2_500_000_000 + number
    for key, value in texts:
        span.attributes.add(key=key).value.string_value = value
    for key, value in numbers:
        span.attributes.add(key=key).value.int_value = value


SAID = "What was it?" * 20


def add_decision(spans, trace):
    texts = [("gen_ai.operation.name", "invoke_agent"), ("gen_ai.agent.name", "billing"), ("gen_ai.request.model", "gpt-4.1"),
             ("user.id", f"user-{trace % 500}"), ("session.id", f"session-{trace % 500}"), ("gen_ai.input.messages", SAID)]
    used = [("gen_ai.usage.input_tokens", trace % 500), ("gen_ai.usage.output_tokens", trace % 500)]
    add_span(spans, trace, 0, "invoke_agent billing", texts, used)


def decisions_alone(number, count):
    """Each span is a decision, the widest of rows."""
    built, spans = request()
    for at in range(count):
        add_decision(spans, number * count + at + 1)
    return built.SerializeToString()


def traces_of_agents(number, count):
    """Of six spans one is an agent's, three are calls of a model and two of tools."""
    built, spans = request()
    for at in range(count // 6):
        trace = number * count + at + 1
        add_decision(spans, trace)
        for step in range(1, 4):
            texts = [("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "openai"), ("gen_ai.request.model", "gpt-4.1"),
                     ("gen_ai.response.model", "gpt-4.1-2025-04-14"), ("gen_ai.response.id", f"chatcmpl-{trace}-{step}"),
                     ("gen_ai.input.messages", SAID), ("gen_ai.output.messages", SAID)]
            used = [("gen_ai.usage.input_tokens", 1200), ("gen_ai.usage.output_tokens", 80), ("gen_ai.request.max_tokens", 1024)]
            add_span(spans, trace, step, "chat gpt-4.1", texts, used, parent=0)
        for step in range(4, 6):
            texts = [("gen_ai.operation.name", "execute_tool"), ("gen_ai.tool.name", "lookup"), ("gen_ai.tool.type", "function"),
                     ("gen_ai.tool.call.id", f"call-{trace}-{step}")]
            add_span(spans, trace, step, "execute_tool lookup", texts, parent=0)
    return built.SerializeToString()


def post(address, bodies, times):
    connection = http.client.HTTPConnection(address)
    for _ in range(times):
        for body in bodies:
            connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status


def telemetry(binary, what, make, requests, count, times):
    """Spans by OTLP over HTTP, to rows that are redacted and landed."""
    streams = ["decisions", "decision_steps"]
    sql = "\n".join(f"CREATE STREAM {name} WITH (path = 'landing/{name}/', format = 'parquet', contract = '{name}');" for name in streams)
    server = Server(binary, sql)
    bodies = [make(number, count) for number in range(requests)]
    before, start = server.cpu_s(), time.monotonic()
    senders = [in_another_process(post, server.http, bodies[n::8], times) for n in range(8)]
    for sender in senders:
        sender.join()
        assert sender.exitcode == 0
    cpu, wall, number = server.cpu_s() - before, time.monotonic() - start, requests * count * times
    print(f"| {what} | {number:,} | {number / cpu:,.0f} | {number / wall:,.0f} | {server.resident_mib():.0f} |", flush=True)
    server.end()


def overload(binary, seconds):
    """More senders than the server can serve: does what it holds stay the same?"""
    server = Server(binary, NARROW_SQL)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "batches.arrow"
        write_stream([narrow(BATCH_ROWS, seed) for seed in range(8)], path)
        senders = [in_another_process(send, server.grpc, "events", f"bench-{n}", path, 1 << 30) for n in range(8)]
        start, held = time.monotonic(), []
        while time.monotonic() - start < seconds:
            time.sleep(1)
            held.append(server.resident_mib())
        for sender in senders:
            sender.terminate()
        cpu = server.cpu_s()
        server.end()
    tenth = max(1, len(held) // 10)
    early, late = max(held[tenth:2 * tenth]), max(held[-tenth:])
    print(f"overload for {seconds} s by 8 senders: {cpu / seconds:.2f} cores; MiB held: {min(held):.0f} to {max(held):.0f}, at most {early:.0f} in the second tenth and {late:.0f} in the last")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("target/release"))
    arguments.add_argument("--scale", type=float, default=1.0, help="of how many rows and spans")
    arguments.add_argument("--overload", type=int, default=0, help="seconds; then nothing else is measured")
    given = arguments.parse_args()
    binary = given.bin.resolve()
    if given.overload:
        return overload(binary, given.overload)
    times = lambda count: max(1, round(count * given.scale))
    print("| rows | number | served, M rows/s per core | ArrowWriter, M rows/s per core | ratio of CPU | served, M rows/s | MiB |")
    print("|---|---|---|---|---|---|---|")
    side_by_side(binary, "8 columns", NARROW_SQL, "events", lambda _, seed: narrow(BATCH_ROWS, seed), 40, times(12))
    contract = "CREATE STREAM decisions WITH (path = 'landing/decisions/', format = 'parquet', contract = 'decisions');"
    columns = []

    def row_of_contract(server, seed):
        columns.extend([] if columns else columns_of(server.grpc, "decisions"))
        return decisions(columns, BATCH_ROWS, seed)

    side_by_side(binary, "decisions under their contract", contract, "decisions", row_of_contract, 16, times(6))
    types = {"int64": "BIGINT", "int32": "INT", "double": "DOUBLE", "bool": "BOOLEAN"}
    declared = [(name, kind) for name, kind in columns if not kind.startswith("list")]
    sql_type = lambda kind: "TIMESTAMP" if kind.startswith("timestamp") else types.get(kind, "VARCHAR")
    declaration = ", ".join(f"{name} {sql_type(kind)}" for name, kind in declared)
    sql = f"CREATE STREAM d ({declaration}) WITH (path = 'landing/d/', format = 'parquet', event_time = 'event_time');"
    side_by_side(binary, "their columns without a contract", sql, "d", lambda _, seed: decisions(declared, BATCH_ROWS, seed), 16, times(6))
    print("\n| spans | number | spans/s per core | spans/s | MiB |")
    print("|---|---|---|---|---|")
    telemetry(binary, "traces of agents", traces_of_agents, 64, 3000, times(12))
    telemetry(binary, "decisions alone", decisions_alone, 64, 3000, times(4))


if __name__ == "__main__":
    main()
