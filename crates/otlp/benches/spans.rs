//! How many spans a second become rows, from bytes to batches, on one core?
#![expect(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use tidegate_otlp::{Context, Mapper, Mapping, Signal};

const TRACES: usize = 200;
const SPANS: usize = 1_200;

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// One agent with three model calls and two tools, with the attributes and content that instrumentations write.
fn trace(number: usize) -> Vec<Span> {
    let id = |n: usize| ((number * 10 + n + 1) as u64).to_be_bytes().to_vec();
    let span = |n: usize, name: &str, attributes: Vec<KeyValue>| Span {
        trace_id: ((number + 1) as u128).to_be_bytes().to_vec(),
        span_id: id(n),
        parent_span_id: if n == 0 { Vec::new() } else { id(0) },
        name: name.to_owned(),
        start_time_unix_nano: 1_767_225_600_000_000_000 + (n as u64) * 1_000_000,
        end_time_unix_nano: 1_767_225_602_000_000_000 + (number as u64),
        attributes,
        ..Span::default()
    };
    let prompt = "Where is my order? ".repeat(20);
    let mut spans = vec![span(
        0,
        "invoke_agent helpdesk",
        vec![
            text("gen_ai.operation.name", "invoke_agent"),
            text("gen_ai.agent.name", "helpdesk"),
            text("gen_ai.agent.version", "3"),
            text("gen_ai.provider.name", "openai"),
            text("gen_ai.conversation.id", format!("conversation-{number}")),
            text("user.id", format!("user-{}", number % 50)),
            text("tidegate.outcome", "accepted"),
            text("tidegate.policy.version", "2026-01"),
            text("gen_ai.input.messages", prompt.clone()),
            text("gen_ai.output.messages", prompt.clone()),
            text("server.address", "api.openai.com"),
            attribute("server.port", Value::IntValue(443)),
        ],
    )];
    for n in 1..4 {
        spans.push(span(
            n,
            "chat gpt-4o",
            vec![
                text("gen_ai.operation.name", "chat"),
                text("gen_ai.provider.name", "openai"),
                text("gen_ai.request.model", "gpt-4o"),
                text("gen_ai.response.model", "gpt-4o-2024-08-06"),
                text("gen_ai.response.id", format!("chatcmpl-{number}-{n}")),
                attribute("gen_ai.request.temperature", Value::DoubleValue(0.2)),
                attribute("gen_ai.request.max_tokens", Value::IntValue(1024)),
                attribute("gen_ai.usage.input_tokens", Value::IntValue(1200)),
                attribute("gen_ai.usage.output_tokens", Value::IntValue(80)),
                text("gen_ai.input.messages", prompt.clone()),
                text("gen_ai.output.messages", prompt.clone()),
                text("server.address", "api.openai.com"),
            ],
        ));
    }
    for n in 4..6 {
        spans.push(span(
            n,
            "execute_tool lookup",
            vec![
                text("gen_ai.operation.name", "execute_tool"),
                text("gen_ai.tool.name", "lookup"),
                text("gen_ai.tool.call.id", format!("call-{number}-{n}")),
                text("gen_ai.tool.type", "function"),
            ],
        ));
    }
    spans
}

fn request() -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![
            text("service.name", "helpdesk"),
            text("tenant.id", "acme"),
            text("cloud.region", "eu-west-1"),
            text("deployment.environment.name", "production"),
        ],
        ..Resource::default()
    };
    let spans = (0..TRACES).flat_map(trace).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }],
    }
}

fn spans(c: &mut Criterion) {
    let request = request();
    let proto = request.encode_to_vec();
    let json = serde_json::to_vec(&request).expect("a request is JSON");
    let mapper = Mapper::new(Mapping::shipped("otel-genai").expect("it is shipped"));
    let context = Context { tenant: None, ingested_at_us: 1_767_229_200_000_000, source: "bench" };
    let checked = mapper.proto(Signal::Traces, &proto, &context).expect("it is a request");
    assert_eq!((checked.tally().decisions, checked.tally().steps), (TRACES as u64, (SPANS - TRACES) as u64));

    let mut group = c.benchmark_group("spans");
    group.throughput(Throughput::Elements(SPANS as u64));
    group.bench_function("proto", |b| b.iter(|| mapper.proto(Signal::Traces, black_box(&proto), &context)));
    group.bench_function("json", |b| b.iter(|| mapper.json(black_box(&json), &context)));
    group.finish();
}

criterion_group!(benches, spans);
criterion_main!(benches);
