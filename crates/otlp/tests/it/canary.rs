//! Can what nobody asked for get out?

use proptest::prelude::*;
use tidegate_otlp::{ContentPolicy, Signal};

use crate::{CONTEXT, mapper, show};

const REQUESTS: [&[u8]; 2] =
    [include_bytes!("../fixtures/otel_genai.binpb"), include_bytes!("../fixtures/openinference.binpb")];

#[test]
fn content_and_unknown_attributes_reach_no_row_and_no_count() {
    for policy in [ContentPolicy::Drop, ContentPolicy::Evidence] {
        for request in REQUESTS {
            for name in ["otel-genai", "otel-genai-1.36", "otel-genai-1.37", "otel-genai-dev", "openinference"] {
                let mapper = mapper(name).with_content(policy);
                let mapped = mapper.proto(Signal::Traces, request, &CONTEXT).unwrap();
                assert!(!format!("{mapped:?}").contains("canary"));
                assert!(!show(mapped).contains("canary"), "{name}");
            }
        }
    }
}

#[test]
fn content_that_is_asked_for_stands_beside_its_row() {
    let mapper = mapper("otel-genai").with_content(ContentPolicy::Evidence);
    let rows = mapper.proto(Signal::Traces, REQUESTS[0], &CONTEXT).unwrap().unredacted();
    let mut said: Vec<_> = rows
        .content
        .iter()
        .map(|content| (content.stream.as_str(), content.row, content.key.as_str(), content.text.as_str()))
        .collect();
    said.sort_unstable();
    assert_eq!(
        said,
        [
            ("decision_steps", 1, "exception.message", "canary-message"),
            ("decision_steps", 1, "exception.stacktrace", "canary-stack"),
            ("decision_steps", 1, "gen_ai.tool.call.arguments", r#"{"order": "canary-args"}"#),
            ("decisions", 0, "gen_ai.input.messages", "canary-prompt"),
            ("labels", 0, "gen_ai.evaluation.explanation", "canary-explanation"),
        ]
    );
}

proptest! {
    /// Whatever an unknown attribute is called, neither its value nor a key that is no plain name comes out.
    #[test]
    fn unknown_attributes_are_only_counted(key in "[a-z]{1,8}[ @$%][A-Za-z0-9]{8,30}", value in "zq[0-9a-f]{12}") {
        let attribute = serde_json::json!({"key": key, "value": {"stringValue": value}});
        let request = serde_json::json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "tenant.id", "value": {"stringValue": "acme"}}, attribute]},
            "scopeSpans": [{"scope": {"name": "x", "attributes": [attribute]}, "spans": [{
                "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "chat",
                "startTimeUnixNano": "1", "endTimeUnixNano": "2000000",
                "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}, attribute],
                "events": [{"name": "e", "attributes": [attribute]}]
            }]}]
        }]});
        let mapped = mapper("otel-genai").json(request.to_string().as_bytes(), &CONTEXT).unwrap();
        prop_assert_eq!(mapped.tally().decisions, 1);
        prop_assert_eq!(mapped.tally().dropped_attributes.get("other"), Some(&4));
        let shown = show(mapped);
        prop_assert!(!shown.contains(&key) && !shown.contains(&value));
    }
}
