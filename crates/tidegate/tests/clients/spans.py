"""Exports spans of agents with the OpenTelemetry SDK, one after the other over gRPC and HTTP, until each is acknowledged.

    python spans.py 127.0.0.1:4317 127.0.0.1:4318 <spans> <file of acknowledged numbers>
"""
import logging
import sys
import time

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

grpc, http, spans, acknowledged = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
logging.disable(logging.CRITICAL)
made = InMemorySpanExporter()
resource = Resource({"tenant.id": "acme", "cloud.region": "eu", "deployment.environment.name": "prod"})
provider = TracerProvider(resource=resource)
provider.add_span_processor(SimpleSpanProcessor(made))
tracer = provider.get_tracer("agents")


def span(number):
    made.clear()
    with tracer.start_as_current_span("invoke_agent billing") as span:
        span.set_attributes({
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "billing",
            "gen_ai.request.model": "gpt-4.1",
            "user.id": f"user{number % 50}@example.com",
            "gen_ai.input.messages": "my card is 4111 1111 1111 1111",
            "gen_ai.usage.input_tokens": number,
        })
    return made.get_finished_spans()


def exporters():
    return [Grpc(endpoint=f"http://{grpc}", insecure=True, timeout=2), Http(endpoint=f"http://{http}/v1/traces", timeout=2)]


deadline = time.monotonic() + 300
both = exporters()
with open(acknowledged, "a") as log:
    for number in range(spans):
        one = span(number)
        # What is not acknowledged is sent again, by the other protocol.
        attempt = number
        while both[attempt % 2].export(one) is not SpanExportResult.SUCCESS:
            attempt += 1
            if time.monotonic() > deadline:
                sys.exit("not taken in time")
            time.sleep(0.05)
            both = exporters()
        print(number, file=log, flush=True)
