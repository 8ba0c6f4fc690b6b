//! Do the shipped contracts say what the Rust schemas say?

use arrow::datatypes::{DataType, Field, SchemaRef};
use tidegate_contract::{
    AnnotatorKind, Arm, Classification, DataContract, IngestPolicy, LabelKind, LearningScope, Metric, Mode, Op,
    Outcome, PolicyResult, RiskClass, StepKind, StepStatus, TargetScope, compatibility, decision_steps, decisions,
    gaps, labels, shipped,
};

fn contract(stream: &str) -> DataContract {
    DataContract::parse(stream, shipped::text(stream).unwrap()).unwrap_or_else(|error| panic!("{error}"))
}

fn check(stream: &str, expected: &SchemaRef) {
    let contract = contract(stream);
    let schema = contract.schema();
    assert_eq!(schema.fields().len(), expected.fields().len());
    for (said, known) in schema.fields().iter().zip(expected.fields()) {
        assert_eq!(said, known, "{stream}: name, type, nullability, class, privacy unit and version");
    }
    assert_eq!(gaps(&contract, expected), []);
    assert_eq!((contract.version.to_string().as_str(), contract.compatibility), ("1.0.0", Mode::FullTransitive));
}

#[test]
fn decisions_agree_column_by_column() {
    check("decisions", &decisions());
}

#[test]
fn decision_steps_agree_column_by_column() {
    check("decision_steps", &decision_steps());
}

#[test]
fn labels_agree_column_by_column() {
    check("labels", &labels());
}

#[test]
fn all_of_them_are_there() {
    for stream in shipped::STREAMS {
        assert_eq!(shipped::contract(stream).unwrap().stream, stream);
    }
    assert!(shipped::contract("orders").is_none());
}

/// Words of one vocabulary, sorted.
fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<String> {
    let mut words = all.iter().map(|one| word(*one).to_owned()).collect::<Vec<_>>();
    words.sort_unstable();
    words
}

fn vocabulary(stream: &str, column: &str) -> Vec<String> {
    let contract = contract(stream);
    let rules = contract.rules.iter().filter(|rule| rule.column.as_deref() == Some(column));
    let words = rules.filter_map(|rule| match &rule.metric {
        Metric::InvalidValues(valid) => valid.values.as_ref().map(|values| values.words()),
        _ => None,
    });
    words.flatten().collect()
}

#[test]
fn vocabularies_are_those_of_rust() {
    assert_eq!(vocabulary("decisions", "outcome"), words(Outcome::ALL, Outcome::as_str));
    assert_eq!(vocabulary("decisions", "arm"), words(Arm::ALL, Arm::as_str));
    assert_eq!(vocabulary("decisions", "policy_result"), words(PolicyResult::ALL, PolicyResult::as_str));
    assert_eq!(vocabulary("decisions", "risk_class"), words(RiskClass::ALL, RiskClass::as_str));
    assert_eq!(vocabulary("decisions", "learning_scope"), words(LearningScope::ALL, LearningScope::as_str));
    assert_eq!(vocabulary("decision_steps", "step_kind"), words(StepKind::ALL, StepKind::as_str));
    assert_eq!(vocabulary("decision_steps", "status"), words(StepStatus::ALL, StepStatus::as_str));
    assert_eq!(vocabulary("labels", "target_scope"), words(TargetScope::ALL, TargetScope::as_str));
    assert_eq!(vocabulary("labels", "label_kind"), words(LabelKind::ALL, LabelKind::as_str));
    assert_eq!(vocabulary("labels", "annotator_kind"), words(AnnotatorKind::ALL, AnnotatorKind::as_str));
    assert_eq!(vocabulary("labels", "op"), words(Op::ALL, Op::as_str));
    assert_eq!(vocabulary("labels", "privacy_class"), words(Classification::ALL, Classification::as_str));
}

/// Who is restricted is never kept as delivered; what is a pointer into the evidence store points there already.
#[test]
fn people_are_tokens() {
    for stream in shipped::STREAMS {
        for column in contract(stream).columns {
            let names_people = column.classification == Classification::Restricted && column.name != "evidence_ref";
            let is_token = column.ingest_policy == IngestPolicy::Tokenize;
            assert!(!names_people || is_token, "{stream}.{}", column.name);
        }
    }
    let target = contract("labels").column("target_id").unwrap().ingest_policy;
    let session = contract("decisions").column("session_id").unwrap().ingest_policy;
    assert_eq!(target, session, "labels on sessions find their decisions");
}

/// A first change that anybody might make.
#[test]
fn a_column_may_be_added_to_them() {
    let before = contract("labels");
    let text = shipped::text("labels").unwrap().replace("version: 1.0.0", "version: 1.1.0");
    let column = "\n      - { name: attr_channel, logicalType: string, classification: internal }\n    quality:\n";
    let after = DataContract::parse("labels.yaml", &text.replacen("\n    quality:\n", column, 1)).unwrap();
    assert_eq!(after.attribute("channel").unwrap().data_type, DataType::Utf8);
    assert_eq!(compatibility(&after, &[&before], Mode::FullTransitive).unwrap(), []);
    let fields = after.schema();
    assert_eq!(fields.fields().last().map(|field| Field::is_nullable(field)), Some(true));
}
