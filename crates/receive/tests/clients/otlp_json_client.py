"""Sends ten spans as OTLP/JSON over HTTP, for which the Python SDK has no exporter.

    python otlp_json_client.py 127.0.0.1:4318
"""
import base64
import json
import sys
from urllib.request import Request, urlopen

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


def with_hex_ids(value):
    """OTLP writes ids as hex, where the JSON of protobuf has base64."""
    if isinstance(value, list):
        return [with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    ids = {"traceId", "spanId", "parentSpanId"}
    return {key: base64.b64decode(item).hex() if key in ids else with_hex_ids(item) for key, item in value.items()}


finished = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(finished))
tracer = provider.get_tracer("example")
for number in range(10):
    attributes = {"text": "a", "integer": 5, "float": 0.5, "flag": True, "list": ["x", "y"]}
    with tracer.start_as_current_span(f"decision {number}", attributes=attributes) as span:
        span.add_event("checked", {"step": 1})

message = MessageToDict(encode_spans(finished.get_finished_spans()), use_integers_for_enums=True)
body = json.dumps(with_hex_ids(message)).encode()
request = Request(f"http://{sys.argv[1]}/v1/traces", body, {"content-type": "application/json"})
with urlopen(request) as answer:
    if json.load(answer) != {}:
        sys.exit("not all spans were taken")
