//! Do tables of another product become the same rows?

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, MapBuilder, RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
    UInt64Builder,
};

use crate::{CONTEXT, column, mapper, show};

fn text(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn observations() -> RecordBatch {
    let mut usage = MapBuilder::new(None, StringBuilder::new(), UInt64Builder::new());
    for tokens in [None, Some(("input", 900)), None] {
        if let Some((key, value)) = tokens {
            usage.keys().append_value(key);
            usage.values().append_value(value);
        }
        usage.append(tokens.is_some()).unwrap();
    }
    let start = 1_767_225_600_000;
    batch(vec![
        ("id", text(&[Some("0000000000000001"), Some("0000000000000002"), Some("b2c3-not-hex")])),
        ("trace_id", text(&[Some("5b8efff798038103d269b633813fc60c"); 3])),
        ("parent_observation_id", text(&[None, Some("0000000000000001"), Some("0000000000000002")])),
        ("project_id", text(&[Some("acme"); 3])),
        ("type", text(&[Some("AGENT"), Some("GENERATION"), Some("TOOL")])),
        ("name", text(&[Some("helpdesk"), Some("llm"), Some("search")])),
        ("level", text(&[Some("DEFAULT"), Some("DEFAULT"), Some("ERROR")])),
        (
            "start_time",
            Arc::new(TimestampMillisecondArray::from(vec![start, start + 10, start + 20]).with_timezone("UTC")),
        ),
        (
            "end_time",
            text(&[Some("2026-01-01 00:00:05.250000"), Some("2026-01-01 00:00:01"), Some("2026-01-01 00:00:02")]),
        ),
        ("user_id", text(&[Some("u-1"), Some("u-1"), Some("u-1")])),
        ("environment", text(&[Some("production"); 3])),
        ("provided_model_name", text(&[None, Some("gpt-4.1-mini"), None])),
        ("usage_details", Arc::new(usage.finish())),
        ("total_cost", Arc::new(Float64Array::from(vec![None, Some(0.001_25), None]))),
        ("prompt_version", Arc::new(arrow::array::Int32Array::from(vec![None, Some(4), None]))),
        ("input", text(&[Some("canary"); 3])),
    ])
}

#[test]
fn observations_become_a_decision_and_its_steps() {
    let mapped = mapper("langfuse").rows(&observations(), &CONTEXT).unwrap();
    insta::assert_snapshot!(show(mapped));
}

#[test]
fn scores_find_the_decision_of_their_trace() {
    let time = Arc::new(TimestampMillisecondArray::from(vec![1_767_226_000_000; 2]).with_timezone("UTC"));
    let scores = batch(vec![
        ("id", text(&[Some("score-1"), Some("score-2")])),
        ("timestamp", time),
        ("project_id", text(&[Some("acme"); 2])),
        ("trace_id", text(&[Some("5b8efff798038103d269b633813fc60c"); 2])),
        ("observation_id", text(&[None, Some("0000000000000002")])),
        ("name", text(&[Some("user_feedback"), Some("hallucination")])),
        ("value", Arc::new(Float64Array::from(vec![Some(1.0), None]))),
        ("string_value", text(&[None, Some("factual")])),
        ("data_type", text(&[Some("NUMERIC"), Some("CATEGORICAL")])),
        ("source", text(&[Some("ANNOTATION"), Some("EVAL")])),
        ("comment", text(&[Some("canary"), None])),
    ]);
    let mapper = mapper("langfuse");
    let labels = mapper.rows(&scores, &CONTEXT).unwrap().unredacted().labels;
    let decisions = mapper.rows(&observations(), &CONTEXT).unwrap().unredacted().decisions;
    let decision = column(&decisions, "decision_id").remove(0);
    assert_eq!(column(&labels, "decision_id"), [decision.as_str(), decision.as_str()]);
    assert_eq!(column(&labels, "target_scope"), ["decision", "step"]);
    assert_eq!(column(&labels, "annotator_kind"), ["HUMAN", "LLM"]);
    assert_eq!(column(&labels, "label_kind"), ["rating", "hallucination"]);
    assert_eq!(column(&labels, "label_id"), ["score-1", "score-2"]);
    assert_eq!(column(&labels, "score"), ["1.0", "null"]);
    assert!(!show(mapper.rows(&scores, &CONTEXT).unwrap()).contains("canary"));
}

#[test]
fn a_table_without_ids_is_refused_by_the_name_of_the_column() {
    let error = mapper("langfuse").rows(&batch(vec![("id", text(&[Some("x")]))]), &CONTEXT).unwrap_err();
    assert_eq!(error.code(), "TG746");
    assert!(error.to_string().contains("`trace_id`"), "{error}");
    let error = mapper("otel-genai").rows(&observations(), &CONTEXT).unwrap_err();
    assert_eq!(error.code(), "TG748");
}
