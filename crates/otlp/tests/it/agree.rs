//! Do all decoders say the same?

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use prost::Message;
use tidegate_otlp::{ContentPolicy, Signal};

use crate::{CONTEXT, mapper, show};

const KEYS: [&str; 14] = [
    "gen_ai.operation.name",
    "gen_ai.agent.name",
    "gen_ai.request.model",
    "gen_ai.usage.input_tokens",
    "gen_ai.response.finish_reasons",
    "gen_ai.tool.definitions",
    "gen_ai.input.messages",
    "tenant.id",
    "tidegate.confidence",
    "retrieval.documents.0.document.score",
    "annotations.0.annotation.name",
    "annotations.1.annotation.score",
    "error.type",
    "unknown.key",
];

fn any_value() -> impl Strategy<Value = Option<AnyValue>> {
    let text = prop_oneof![
        proptest::sample::select(vec!["invoke_agent", "chat", "execute_tool", "acme", "0.5", "gpt-4o", "", "ä\"\\"])
            .prop_map(str::to_owned),
        "[ -~]{0,12}",
    ];
    let leaf = prop_oneof![
        text.prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        proptest::collection::vec(any::<u8>(), 0..5).prop_map(Value::BytesValue),
    ];
    let nested = leaf.prop_recursive(2, 8, 3, |inner| {
        let inner = proptest::collection::vec(inner, 0..3);
        let value = |value| AnyValue { value: Some(value) };
        prop_oneof![
            inner.clone().prop_map(move |values| {
                Value::ArrayValue(ArrayValue { values: values.into_iter().map(value).collect() })
            }),
            inner.prop_map(move |values| {
                let pair = |(i, v)| KeyValue { key: format!("k{i}"), value: Some(value(v)), ..KeyValue::default() };
                Value::KvlistValue(KeyValueList { values: values.into_iter().enumerate().map(pair).collect() })
            }),
        ]
    });
    proptest::option::weighted(0.95, nested.prop_map(|value| AnyValue { value: Some(value) }))
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = proptest::sample::select(KEYS.to_vec());
    let attribute =
        (key, any_value()).prop_map(|(key, value)| KeyValue { key: key.to_owned(), value, ..KeyValue::default() });
    proptest::collection::vec(attribute, 0..8)
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (0_u8..2, 0_u8..6, 0_u8..6);
    let times = (0_u64..3, 0_u64..4).prop_map(|(start, end)| (start * 1_000_000_000, end * 1_000_000_000));
    let event = (proptest::sample::select(vec!["exception", "gen_ai.evaluation.result", "x"]), attributes());
    let events = proptest::collection::vec(event, 0..2);
    (ids, times, attributes(), events, any::<bool>(), 0_i32..4).prop_map(
        |(ids, (start, end), attributes, events, linked, code)| {
            let id = |n: u8, length: usize| if n == 0 { Vec::new() } else { vec![n; length] };
            let event = |(name, attributes): (&str, Vec<KeyValue>)| Event {
                name: name.to_owned(),
                time_unix_nano: 5_000,
                attributes,
                ..Event::default()
            };
            let link = Link { trace_id: id(1, 16), span_id: id(1, 8), ..Link::default() };
            Span {
                trace_id: id(ids.0 + 1, 16),
                span_id: id(ids.1, 8),
                parent_span_id: id(ids.2, 8),
                trace_state: if linked { "ot=th:8".into() } else { String::new() },
                name: "name".into(),
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                attributes,
                events: events.into_iter().map(event).collect(),
                links: if linked { vec![link] } else { Vec::new() },
                status: (code > 0).then(|| Status { code: code - 1, message: String::new() }),
                ..Span::default()
            }
        },
    )
}

fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = (attributes(), proptest::collection::vec(span(), 0..6)).prop_map(|(attributes, spans)| ScopeSpans {
        scope: Some(InstrumentationScope { attributes, ..InstrumentationScope::default() }),
        spans,
        ..ScopeSpans::default()
    });
    let resource = (attributes(), proptest::collection::vec(scope, 0..2)).prop_map(|(attributes, scope_spans)| {
        let resource = Some(Resource { attributes, ..Resource::default() });
        ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
    });
    proptest::collection::vec(resource, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Protobuf and JSON, both as the generated types write them, give the same rows and counts, and no span goes missing.
    #[test]
    fn all_decoders_agree(request in request()) {
        let mapper = mapper("otel-genai").with_content(ContentPolicy::Evidence);
        let mapped = mapper.proto(Signal::Traces, &request.encode_to_vec(), &CONTEXT).unwrap();
        let tally = mapped.tally();
        let ignored: u64 = tally.ignored.values().sum();
        prop_assert_eq!(tally.spans, tally.decisions + tally.steps + tally.evaluators + tally.rejected_spans + ignored);
        let decoded = show(mapped);
        let json = serde_json::to_string(&request).unwrap();
        prop_assert_eq!(&show(mapper.json(json.as_bytes(), &CONTEXT).unwrap()), &decoded);
    }
}

#[test]
fn all_decoders_of_logs_agree() {
    let bytes = include_bytes!("../fixtures/evaluation_logs.binpb").as_slice();
    let request = ExportLogsServiceRequest::decode(bytes).unwrap();
    let json = serde_json::to_string(&request).unwrap();
    let mapper = mapper("otel-genai");
    let decoded = show(mapper.proto(Signal::Logs, bytes, &CONTEXT).unwrap());
    assert!(decoded.contains("label_name: task_completion"), "{decoded}");
    assert_eq!(show(mapper.json(json.as_bytes(), &CONTEXT).unwrap()), decoded);
}
