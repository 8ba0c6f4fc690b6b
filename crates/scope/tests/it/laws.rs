//! Laws that hold for every batch and every set of files.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tidegate_contract::{LearningScope, RiskClass};
use tidegate_scope::{Counts, Home, Rules, Scoped, Scoper, Tenants};

const DAY_US: i64 = 86_400_000_000;
const NEW_YEAR: i64 = 20_454;
const CLASSES: [&str; 4] = ["low", "medium", "high", "prohibited"];
const SCOPES: [&str; 3] = ["global", "local", "none"];
const TASKS: [&str; 3] = ["invoice", "payment", "refund"];
const TENANTS: &str = r#"
    [default]
    region = "eu"
    [tenants.acme]
    learning = [{ from = 2026-01-01, to = 2026-01-05, scope = "global" }, { from = 2026-01-05, to = 2026-01-08, scope = "none" }]
    [tenants.far]
    region = "us"
"#;

type Text = Option<&'static str>;
/// tenant, days after new year, task, confidence, class, scope, region
type Row = (Text, Option<i64>, Text, Option<f64>, Text, Text, Text);

fn row() -> impl Strategy<Value = Row> {
    (
        option::of(select(&["acme", "far", "other"][..])),
        option::of(-2_i64..12),
        option::of(select(&TASKS[..])),
        option::of(select(&[0.0, 0.2, 0.5, 0.9, f64::NAN][..])),
        option::of(select(&["low", "medium", "high", "prohibited", "severe"][..])),
        option::of(select(&["global", "local", "none", "all"][..])),
        option::of(select(&["eu", "us"][..])),
    )
}

fn rule() -> impl Strategy<Value = String> {
    let condition = prop_oneof![
        select(&TASKS[..]).prop_map(|task| format!("{{ column = 'task_class', is = '{task}' }}")),
        (0.0..1.0).prop_map(|limit| format!("{{ column = 'confidence', below = {limit:.3} }}")),
        select(&CLASSES[..]).prop_map(|class| format!("{{ column = 'risk_class', is = '{class}' }}")),
        any::<bool>().prop_map(|null| format!("{{ column = 'tenant_id', is_null = {null} }}")),
    ];
    (select(&CLASSES[..]), select(&["all", "any"][..]), vec(condition, 1..3)).prop_map(|(class, joined, conditions)| {
        format!("[[rule]]\nrisk_class = '{class}'\n{joined} = [{}]\n", conditions.join(", "))
    })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let text = |pick: fn(&Row) -> Text| Arc::new(rows.iter().map(pick).collect::<StringArray>()) as ArrayRef;
    let times =
        rows.iter().map(|row| row.1.map(|day| (NEW_YEAR + day) * DAY_US)).collect::<TimestampMicrosecondArray>();
    RecordBatch::try_from_iter_with_nullable([
        ("tenant_id", text(|row| row.0), true),
        ("event_time", Arc::new(times) as ArrayRef, true),
        ("task_class", text(|row| row.2), true),
        ("confidence", Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>()) as ArrayRef, true),
        ("risk_class", text(|row| row.4), true),
        ("learning_scope", text(|row| row.5), true),
        ("region", text(|row| row.6), true),
    ])
    .unwrap()
}

fn scoper(rules: &[String], home: Home) -> Scoper {
    Scoper::new(Rules::parse("", &rules.concat()).unwrap(), Tenants::parse("", TENANTS).unwrap(), home)
}

/// The batch with its text in another encoding.
fn encoded(batch: &RecordBatch, encoding: &DataType) -> RecordBatch {
    let column = |(field, array): (&Arc<arrow::datatypes::Field>, &ArrayRef)| {
        let text = matches!(
            array.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
        );
        let array = if text { cast(array, encoding).unwrap() } else { Arc::clone(array) };
        (field.name().clone(), array, true)
    };
    let fields = batch.schema();
    RecordBatch::try_from_iter_with_nullable(fields.fields().iter().zip(batch.columns()).map(column)).unwrap()
}

fn places(batch: &RecordBatch, column: &str, words: &[&str]) -> Vec<usize> {
    let column = cast(batch.column_by_name(column).unwrap(), &DataType::Utf8).unwrap();
    column.as_string::<i32>().iter().map(|word| words.iter().position(|known| Some(*known) == word).unwrap()).collect()
}

/// Consent as the file says it, told a second time.
fn consent(row: &Row) -> usize {
    match (row.0, row.1) {
        (Some("acme"), Some(0..4)) => 0,
        (Some("acme"), Some(4..7) | None) => 2,
        _ => 1,
    }
}

fn same(left: &Scoped, right: &Scoped) -> Result<(), TestCaseError> {
    prop_assert_eq!(&encoded(&left.batch, &DataType::Utf8), &encoded(&right.batch, &DataType::Utf8));
    prop_assert_eq!(&encoded(&left.refused.batch, &DataType::Utf8), &encoded(&right.refused.batch, &DataType::Utf8));
    prop_assert_eq!(&left.refused.reasons, &right.refused.reasons);
    prop_assert_eq!(&left.counts, &right.counts);
    Ok(())
}

proptest! {
    #[test]
    fn a_scope_is_never_wider_than_any_of_its_inputs(rows in vec(row(), 0..40), rules in vec(rule(), 0..5)) {
        let known: Vec<Row> =
            rows.into_iter().filter(|row| row.4 != Some("severe") && row.5 != Some("all")).collect();
        let scoper = scoper(&rules, Home::anywhere());
        let scoped = scoper.apply(&batch(&known)).unwrap();
        let classes = places(&scoped.batch, "risk_class", &CLASSES);
        let scopes = places(&scoped.batch, "learning_scope", &SCOPES);
        prop_assert_eq!(scopes.len(), known.len());
        for ((row, class), scope) in known.iter().zip(classes).zip(scopes) {
            let said = row.5.map_or(0, |word| SCOPES.iter().position(|scope| *scope == word).unwrap());
            let of_class = scoper.rules().widest(RiskClass::ALL[class]) as usize;
            prop_assert_eq!(scope, said.max(of_class).max(consent(row)));
            prop_assert!(row.4.is_none_or(|word| CLASSES[..=class].contains(&word)));
            prop_assert!(LearningScope::ALL[scope] != LearningScope::Global || row.0 == Some("acme"));
        }
    }

    #[test]
    fn a_further_rule_never_widens_and_order_does_not_matter(rows in vec(row(), 0..40), rules in vec(rule(), 1..6)) {
        let batch = batch(&rows);
        let with = scoper(&rules, Home::of(["eu"])).apply(&batch).unwrap();
        let without = scoper(&rules[1..], Home::of(["eu"])).apply(&batch).unwrap();
        let scopes = |scoped: &Scoped| places(&scoped.batch, "learning_scope", &SCOPES);
        prop_assert!(scopes(&with).iter().zip(scopes(&without)).all(|(with, without)| *with >= without));
        prop_assert_eq!(&with.refused.reasons, &without.refused.reasons);
        let reversed: Vec<String> = rules.iter().rev().cloned().collect();
        let reversed = scoper(&reversed, Home::of(["eu"])).apply(&batch).unwrap();
        prop_assert_eq!(with.batch, reversed.batch);
    }

    #[test]
    fn where_a_batch_is_cut_does_not_matter(rows in vec(row(), 0..40), rules in vec(rule(), 0..5), cut in 0_usize..40) {
        let batch = batch(&rows);
        let cut = cut.min(batch.num_rows());
        let scoper = scoper(&rules, Home::of(["eu"]));
        let whole = scoper.apply(&batch).unwrap();
        let parts = [batch.slice(0, cut), batch.slice(cut, batch.num_rows() - cut)].map(|part| scoper.apply(&part).unwrap());
        let mut counts = Counts::default();
        parts.iter().for_each(|part| counts += &part.counts);
        prop_assert_eq!(&counts, &whole.counts);
        prop_assert_eq!(concat_batches(&whole.batch.schema(), parts.iter().map(|part| &part.batch)).unwrap(), whole.batch);
        prop_assert_eq!(parts.iter().flat_map(|part| part.refused.reasons.clone()).collect::<Vec<_>>(), whole.refused.reasons);
    }

    #[test]
    fn all_encodings_of_text_are_alike(rows in vec(row(), 0..40), rules in vec(rule(), 0..5), from in 0_usize..10) {
        let scoper = scoper(&rules, Home::of(["eu"]));
        let batch = batch(&rows);
        let from = from.min(batch.num_rows());
        let plain = scoper.apply(&batch.slice(from, batch.num_rows() - from)).unwrap();
        let dictionary = |key, value| DataType::Dictionary(Box::new(key), Box::new(value));
        for encoding in [
            DataType::LargeUtf8,
            DataType::Utf8View,
            dictionary(DataType::Int32, DataType::Utf8),
            dictionary(DataType::UInt8, DataType::LargeUtf8),
            dictionary(DataType::Int16, DataType::Utf8View),
        ] {
            let other = encoded(&batch, &encoding);
            let other = scoper.apply(&other.slice(from, other.num_rows() - from)).unwrap();
            prop_assert_eq!(other.batch.column_by_name("learning_scope").unwrap().data_type(), &encoding);
            same(&plain, &other)?;
        }
    }
}
