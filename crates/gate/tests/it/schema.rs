//! Do the JSON Schema and the parser take the same gate files?

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use tidegate_gate::GateFile;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema() -> Validator {
    let text = fs::read_to_string(repository().join("docs/schemas/gate.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// What the schema says of a declaration, and whether the parser takes it.
fn asked(schema: &Validator, text: &str) -> (Vec<String>, bool) {
    let value: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    let errors = schema.iter_errors(&value).map(|error| error.to_string()).collect();
    (errors, GateFile::parse("gate.yaml", text).is_ok())
}

/// Every file of a folder named `gates`, however deep.
fn gates(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = paths.flat_map(|path| match path.is_dir() {
        true => gates(&path),
        false if folder.ends_with("gates") => vec![path],
        false => vec![],
    });
    found.collect()
}

#[test]
fn every_gate_of_the_repository_is_taken_by_both() {
    let (schema, gates) = (schema(), gates(&repository().join("sql")));
    assert!(gates.len() >= 6, "{gates:?}");
    for path in gates {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(asked(&schema, &text), (vec![], true), "{}", path.display());
    }
}

#[test]
fn what_is_wrong_is_refused_by_both() {
    let schema = schema();
    let right = fs::read_to_string(repository().join("sql/promotion/gates/canary.yaml")).unwrap();
    for (part, wrong) in [
        ("at_max: hold", "at_max: promote"),
        ("gate: assistant-canary", "gate: a/b"),
        ("version: 1", "version: 0"),
        ("from: canary", "from: general"),
        ("ramp: [5%, 25%, 50%]", "ramp: []"),
        ("max: 14d", "max: two weeks"),
        ("label_maturity: 2d", "labels: 2d"),
        ("alpha: 0.05", "alpha: 0.5"),
        ("margin: 2pp", "margin: 2"),
        ("direction: lower_is_better", "direction: down"),
        ("signal: correction", "signal: correction\n    sql: SELECT 1"),
        ("    signal: correction\n", ""),
        ("required: 1", "required: 17"),
        ("sequential: obrien_fleming", "sequential: every_hour"),
        ("- schema_unchanged", "- schema_changed"),
    ] {
        let text = right.replacen(part, wrong, 1);
        assert_ne!(text, right, "{part} stands in the gate");
        let (errors, is_taken) = asked(&schema, &text);
        assert!(!errors.is_empty() && !is_taken, "{wrong}: {errors:?}, {is_taken}");
    }
}
