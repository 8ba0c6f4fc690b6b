"""Exports ten spans over OTLP/http.

    python otlp_http_client.py 127.0.0.1:4318
"""
import sys

from opentelemetry.exporter.otlp.proto.http.trace_exporter import Compression, OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

exporter = OTLPSpanExporter(endpoint=f"http://{sys.argv[1]}/v1/traces", compression=Compression.Gzip)
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("example")
for number in range(10):
    with tracer.start_as_current_span(f"decision {number}"):
        pass
if not provider.force_flush():
    sys.exit("the spans were not taken")
provider.shutdown()
