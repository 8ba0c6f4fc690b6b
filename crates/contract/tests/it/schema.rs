//! Do the JSON Schema and the parser take the same contracts?

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use tidegate_contract::{DataContract, shipped};

fn schema() -> Validator {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/contract.schema.json");
    jsonschema::validator_for(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).unwrap()
}

/// What the schema says of a contract, and whether the parser takes it.
fn asked(schema: &Validator, text: &str) -> (Vec<String>, bool) {
    let value: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    let errors = schema.iter_errors(&value).map(|error| error.to_string()).collect();
    (errors, DataContract::parse("contract.yaml", text).is_ok())
}

#[test]
fn shipped_contracts_are_taken_by_both() {
    let schema = schema();
    for stream in shipped::STREAMS {
        assert_eq!(asked(&schema, shipped::text(stream).unwrap()), (vec![], true), "{stream}");
    }
}

#[test]
fn what_is_wrong_is_refused_by_both() {
    let schema = schema();
    let right = shipped::text("decisions").unwrap();
    for (part, wrong) in [
        ("apiVersion: v3.1.0", "apiVersion: v2.2.2"),
        ("status: active", "status: live"),
        ("version: 1.0.0", "version: one"),
        ("team: { name: your-team }", "team: {}"),
        ("- name: decisions", "- name: Decisions"),
        ("logicalType: string, required: true", "logicalType: text, required: true"),
        ("logicalType: string, required: true", "logicalType: string, needed: true"),
        ("classification: restricted", "classification: secret"),
        ("minLength: 1, maxLength: 64", "minLength: -1, maxLength: 64"),
        ("value: tokenize", "value: tokenise"),
        ("property: ingestPolicy", "property: compatibility"),
        ("metric: nullValues, mustBeLessThan: 5", "metric: nullValues"),
        ("metric: nullValues, mustBeLessThan: 5", "metric: nullValues, mustBe: 1, mustBeLessThan: 5"),
        ("metric: nullValues", "metric: nulls"),
        ("metric: nullValues", "metric: rowCount"),
        ("unit: percent, severity: warning }", "unit: percent, severity: bad }"),
        ("value: quarantine_row", "value: quarantine"),
        ("property: latency, value: 5, unit: m", "property: latency, value: 0, unit: m"),
        ("property: latency, value: 5, unit: m", "property: latency, value: 5, unit: moon"),
        ("property: latency, value: 5, unit: m", "property: delay, value: 5, unit: m"),
        ("property: source", "property: origin"),
        ("value: at-least-once", "value: often"),
        ("value: FULL_TRANSITIVE", "value: SOME"),
        ("        items:\n", "        things:\n"),
    ] {
        let text = right.replacen(part, wrong, 1);
        assert_ne!(text, right, "{part} stands in the contract");
        let (errors, is_taken) = asked(&schema, &text);
        assert!(!errors.is_empty() && !is_taken, "{wrong}: {errors:?}, {is_taken}");
    }
}
