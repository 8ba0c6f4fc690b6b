//! Does it matter in which order spans come, or how they are split over requests?

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{CONTEXT, column, mapper};

/// A span of a trace: its number, that of its parent, and what it is.
type Shape = (usize, Option<usize>, &'static str);

fn span(trace: usize, (number, parent, kind): Shape) -> Value {
    let id = |n: usize| format!("{:016x}", n + 1);
    json!({
        "traceId": format!("{:032x}", trace + 1), "spanId": id(number), "parentSpanId": parent.map(id).unwrap_or_default(),
        "name": kind, "startTimeUnixNano": (1_000_000 + number * 1_000).to_string(), "endTimeUnixNano": "9000000",
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": kind}}]
    })
}

fn request(spans: &[Value]) -> String {
    json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "tenant.id", "value": {"stringValue": "acme"}}]},
        "scopeSpans": [{"spans": spans}]
    }]})
    .to_string()
}

/// Trees whose root is an agent; below it agents, tools, model calls and other spans.
fn trace() -> impl Strategy<Value = Vec<Shape>> {
    let kinds = vec!["invoke_agent", "execute_tool", "chat", "GET /"];
    proptest::collection::vec((any::<proptest::sample::Index>(), proptest::sample::select(kinds)), 0..12).prop_map(
        |below| {
            let mut trace: Vec<Shape> = vec![(0, None, "invoke_agent")];
            for (parent, kind) in below {
                trace.push((trace.len(), Some(parent.index(trace.len())), kind));
            }
            trace
        },
    )
}

/// By span: the decision it belongs to and what it is. Not its number, which counts the steps of one request.
fn rows(requests: &[String]) -> BTreeMap<String, (String, String)> {
    let mut rows = BTreeMap::new();
    for request in requests {
        let mapped = mapper("otel-genai").json(request.as_bytes(), &CONTEXT).unwrap().unredacted();
        let mut add = |batch: &RecordBatch, what: &str| {
            let spans = column(batch, "span_id").into_iter().zip(column(batch, "decision_id"));
            for ((span, decision), what) in spans.zip(column(batch, what)) {
                rows.insert(span, (decision, what));
            }
        };
        add(&mapped.decisions, "trace_id");
        add(&mapped.steps, "step_kind");
    }
    rows
}

proptest! {
    #[test]
    fn order_does_not_matter(trace in trace().prop_shuffle(), again in any::<u64>()) {
        let mut spans: Vec<_> = trace.into_iter().map(|shape| span(0, shape)).collect();
        let mapper = mapper("otel-genai");
        let mapped = |spans: &[Value]| {
            let rows = mapper.json(request(spans).as_bytes(), &CONTEXT).unwrap().unredacted();
            (rows.decisions, rows.steps)
        };
        let first = mapped(&spans);
        let turns = usize::try_from(again % 12).unwrap() % spans.len();
        spans.rotate_left(turns);
        spans.reverse();
        let (decisions, steps) = mapped(&spans);
        let compare = |left: &RecordBatch, right: &RecordBatch| {
            for field in left.schema_ref().fields() {
                assert_eq!(column(left, field.name()), column(right, field.name()), "{}", field.name());
            }
        };
        compare(&first.0, &decisions);
        compare(&first.1, &steps);
    }

    /// A decision and each span directly below it may come apart, together with what hangs on it up to the next decision.
    #[test]
    fn splitting_does_not_matter(trace in trace(), cuts in proptest::collection::vec(0_usize..4, 13)) {
        let parts = parts(&trace, &cuts);
        let spans = |numbers: &[usize]| numbers.iter().map(|n| span(0, trace[*n])).collect::<Vec<_>>();
        let whole: Vec<usize> = (0..trace.len()).collect();
        let apart: Vec<_> = parts.iter().map(|part| request(&spans(part))).collect();
        prop_assert_eq!(rows(&apart), rows(&[request(&spans(&whole))]));
    }
}

/// Cuts a trace between decisions and what is directly below them: `cuts` says in which request each piece travels.
fn parts(trace: &[Shape], cuts: &[usize]) -> Vec<Vec<usize>> {
    let mut piece = vec![0; trace.len()];
    let mut parts = vec![Vec::new(); 4];
    for (number, parent, kind) in trace {
        let hangs_on_decision = parent.is_none_or(|parent| trace[parent].2 == "invoke_agent");
        piece[*number] = match parent {
            Some(parent) if !hangs_on_decision && *kind != "invoke_agent" => piece[*parent],
            _ => cuts[*number],
        };
        parts[piece[*number]].push(*number);
    }
    parts
}
