//! Can bytes from anywhere do harm?

use proptest::prelude::*;
use serde_json::json;
use tidegate_otlp::{Context, Error, Format, Limits, Mapper, Signal};

use crate::{CONTEXT, mapper};

fn all(mapper: &Mapper, bytes: &[u8]) -> Vec<Result<tidegate_otlp::Mapped, Error>> {
    vec![
        mapper.proto(Signal::Traces, bytes, &CONTEXT),
        mapper.proto(Signal::Logs, bytes, &CONTEXT),
        mapper.json(bytes, &CONTEXT),
        mapper.file(Format::OtlpProto, bytes, &CONTEXT),
        mapper.file(Format::OtlpJson, bytes, &CONTEXT),
    ]
}

fn is_bug(result: &Result<tidegate_otlp::Mapped, Error>) -> bool {
    matches!(result, Err(Error::Panicked | Error::Unbuildable { .. }))
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!all(&mapper("otel-genai"), &bytes).iter().any(is_bug));
    }

    /// Real requests with some bytes changed reach deeper than random ones.
    #[test]
    fn damaged_requests_are_refused_or_read(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<proptest::sample::Index>(),
        json in any::<bool>(),
    ) {
        let mut bytes = if json {
            include_bytes!("../fixtures/otel_genai_1_36.json").to_vec()
        } else {
            include_bytes!("../fixtures/openinference.binpb").to_vec()
        };
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let cut = cut.index(bytes.len() * 4).min(bytes.len());
        prop_assert!(!all(&mapper("otel-genai"), &bytes[..cut]).iter().any(is_bug));
    }
}

fn spans(count: usize, attribute: &serde_json::Value) -> String {
    let span = |n: usize| {
        json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": format!("{:016x}", n + 1), "name": "chat",
               "startTimeUnixNano": "1000", "endTimeUnixNano": "2000", "attributes": [attribute]})
    };
    let spans: Vec<_> = (0..count).map(span).collect();
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string()
}

#[test]
fn limits_are_kept_and_named() {
    let limits = Limits { bytes: 10_000, spans: 10, depth: 3, ..Limits::default() };
    let mapper = mapper("otel-genai").with_limits(limits);
    let plain = json!({"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}});
    let code = |request: &str| mapper.json(request.as_bytes(), &CONTEXT).map(drop).map_err(|error| error.code());
    assert_eq!(code(&spans(8, &plain)), Ok(()));
    assert_eq!(code(&spans(9, &plain)), Err("TG742"));
    assert_eq!(code(&" ".repeat(10_001)), Err("TG740"));
    let mut deep = json!({"stringValue": "x"});
    for expected in [Ok(()), Ok(()), Ok(()), Ok(()), Err("TG743")] {
        let request = spans(1, &json!({"key": "gen_ai.tool.definitions", "value": deep}));
        assert_eq!(code(&request), expected);
        deep = json!({"arrayValue": {"values": [deep]}});
    }
}

#[test]
fn errors_tell_the_place_and_no_content() {
    let mapper = mapper("otel-genai");
    let request = "{\"resourceSpans\": [\n{\"resource\": {\"attributes\": [{\"key\": {\"canary\": \"canary\"}}]}}]}";
    let error = mapper.json(request.as_bytes(), &CONTEXT).unwrap_err();
    assert_eq!(error.code(), "TG741");
    let message = error.to_string();
    assert!(message.contains("line 2") && message.contains("an attribute") && !message.contains("canary"), "{message}");
    let error = mapper.json(br#"{"resource_spans": []}"#, &CONTEXT).unwrap_err();
    assert_eq!(error, Error::NotTelemetry);
    let error = mapper.proto(Signal::Traces, &[0x0a, 0x05, 0x0a], &CONTEXT).unwrap_err();
    assert!(error.to_string().contains("ends too early"), "{error}");
}

#[test]
fn a_proved_tenant_wins_and_another_is_rejected() {
    let request = include_bytes!("../fixtures/otel_genai.binpb");
    let mapper = mapper("otel-genai");
    let acme = mapper.proto(Signal::Traces, request, &Context { tenant: Some("acme"), ..CONTEXT }).unwrap();
    assert_eq!(acme.tally().decisions, 1);
    let other = mapper.proto(Signal::Traces, request, &Context { tenant: Some("rival"), ..CONTEXT }).unwrap();
    assert_eq!((other.tally().decisions, other.tally().steps, other.tally().labels), (0, 0, 0));
    assert_eq!(other.tally().rejected_spans, 4);
    let message = other.tally().message().unwrap();
    assert_eq!(message, "rejected: 5 with another tenant than the sender's");
}

#[test]
fn a_circle_of_parents_ends() {
    let span = |id: usize, parent: usize| {
        json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": format!("{id:016x}"),
               "parentSpanId": format!("{parent:016x}"), "name": "x", "startTimeUnixNano": "1", "endTimeUnixNano": "2",
               "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}}]})
    };
    let request =
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [span(1, 2), span(2, 3), span(3, 1), span(4, 4)]}]}]});
    let context = Context { tenant: Some("acme"), ..CONTEXT };
    let mapped = mapper("otel-genai").json(request.to_string().as_bytes(), &context).unwrap();
    assert_eq!(mapped.tally().ignored.values().sum::<u64>(), 4);
}

#[test]
fn a_very_deep_trace_is_no_recursion() {
    let spans: Vec<_> = (1..=50_000_u64)
        .rev()
        .map(|id| {
            json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": format!("{id:016x}"),
                   "parentSpanId": format!("{:016x}", id - 1), "startTimeUnixNano": "1000", "endTimeUnixNano": "2000"})
        })
        .collect();
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
    let mapped = mapper("otel-genai").json(request.as_bytes(), &CONTEXT).unwrap();
    assert_eq!(mapped.tally().spans, 50_000);
}
