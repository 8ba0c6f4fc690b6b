//! What stands, what is refused, and what is said of it?

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, StringArray, StringViewArray};
use arrow::datatypes::Int64Type;

use super::*;
use crate::GapKind;

/// A contract of the columns given.
fn contract(properties: &str) -> DataContract {
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: 1.0.0\nstatus: active\nteam: {{ name: t }}\n\
         slaProperties: [{{ property: latency, value: 1, unit: m }}]\n\
         customProperties: [{{ property: source, value: s }}, {{ property: reliability, value: exactly-once }}, \
         {{ property: privacyClass, value: internal }}]\n\
         schema:\n  - name: s\n    properties:\n{properties}"
    );
    DataContract::parse("c", &text).unwrap()
}

const COLUMNS: &str = "
      - { name: id, logicalType: string, required: true }
      - name: kind
        logicalType: string
        quality:
          - metric: invalidValues
            name: vocabulary
            arguments: { validValues: [web, app] }
            mustBe: 0
            customProperties: [{ property: onViolation, value: quarantine_row }]
      - { name: pages, logicalType: integer, logicalTypeOptions: { minimum: 0 } }
      - { name: score, logicalType: number, logicalTypeOptions: { maximum: 1 }, customProperties: [{ property: onViolation, value: drop_column }] }
";

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn rows() -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("id", Arc::new(StringArray::from(vec![Some("a"), None, Some("c"), Some("d")]))),
        ("kind", Arc::new(StringViewArray::from(vec![Some("web"), Some("secret"), Some("secret"), None]))),
        ("pages", Arc::new(Int32Array::from(vec![Some(1), Some(-1), Some(2), None]))),
        ("score", Arc::new(Float64Array::from(vec![0.5, 0.5, 0.5, 0.5]))),
    ]
}

fn said(checked: &Checked) -> Vec<String> {
    checked.refused().map(|(row, reason)| format!("{row} {reason}")).collect()
}

#[test]
fn a_row_is_refused_for_the_first_rule_it_breaks_and_no_value_is_told() {
    let checked = check(&contract(COLUMNS), &batch(rows()));
    assert_eq!(said(&checked), ["1 id: required", "2 kind: vocabulary"]);
    let told = format!("{:?}{:?}", checked.reasons, checked.gaps);
    assert!(!told.contains("secret"), "{told}");
    assert_eq!(checked.counts().iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(checked.refused_of(&batch(rows())).num_rows(), 2);
}

#[test]
fn what_stands_has_the_shape_of_the_contract() {
    let contract = contract(COLUMNS);
    let rows = check(&contract, &batch(rows())).rows();
    assert_eq!(rows.num_rows(), 2);
    assert!(!rows.schema().field(0).is_nullable());
    assert_eq!(rows.column(2).as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(1), None]), "widened");
    assert_eq!(rows.schema().field(0).metadata(), contract.schema().field(0).metadata());
}

#[test]
fn missing_columns_are_filled_and_unlisted_ones_dropped() {
    let mut columns = rows();
    columns.truncate(1);
    columns.push(("secrets", Arc::new(StringArray::from(vec!["x"; 4]))));
    let checked = check(&contract(COLUMNS), &batch(columns));
    let gaps = checked.gaps.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expected = [
        "`id` is required and may be null: rows without it are set aside",
        "`kind` is not there: it is null in every row",
        "`pages` is not there: it is null in every row",
        "`score` is not there: it is null in every row",
        "`secrets` is not in the contract: it is dropped",
    ];
    assert_eq!(gaps, expected);
    let rows = checked.rows();
    assert_eq!((rows.num_rows(), rows.num_columns(), rows.column(1).null_count()), (3, 4, 3));
}

#[test]
fn a_missing_required_column_refuses_every_row_and_is_told_once() {
    let mut columns = rows();
    columns[0].0 = "idd";
    let checked = check(&contract(COLUMNS), &batch(columns));
    assert_eq!(checked.stands.true_count(), 0);
    let blocking = checked.gaps.iter().filter(|gap| gap.kind.is_blocking()).collect::<Vec<_>>();
    assert_eq!(blocking.len(), 1);
    assert_eq!(blocking[0].kind, GapKind::MissingRequired);
    assert_eq!(checked.counts(), [(&Reason { column: "id".into(), rule: "required".into() }, 4)]);
    assert_eq!(checked.rows().num_rows(), 0);
}

#[test]
fn a_similar_name_is_suggested() {
    let contract = contract("\n      - { name: model_version, logicalType: string, required: true }\n");
    let schema = Schema::new(vec![Field::new("modle_version", arrow::datatypes::DataType::Utf8, true)]);
    let gaps = crate::gaps(&contract, &schema);
    let told = "`model_version` is required and not there: no row can be taken; there is a column `modle_version`";
    assert_eq!(gaps[0].to_string(), told);
    assert_eq!(gaps.len(), 2);
}

#[test]
fn a_column_of_another_type_is_no_column() {
    let mut columns = rows();
    columns[2].1 = Arc::new(StringArray::from(vec!["1", "2", "3", "4"]));
    let checked = check(&contract(COLUMNS), &batch(columns));
    let told = "`pages` is BIGINT and has values of VARCHAR: it is null in every row";
    assert!(checked.gaps.iter().any(|gap| gap.to_string() == told), "{:?}", checked.gaps);
    assert_eq!(checked.rows().column(2).null_count(), checked.rows().num_rows());
}

#[test]
fn a_column_may_be_dropped_for_a_value_of_it() {
    let mut columns = rows();
    columns[3].1 = Arc::new(Float64Array::from(vec![0.5, 0.5, 0.5, 1.5]));
    let checked = check(&contract(COLUMNS), &batch(columns));
    assert_eq!(checked.dropped, [Reason { column: "score".into(), rule: "range".into() }]);
    let rows = checked.rows();
    assert_eq!((rows.num_rows(), rows.column(3).null_count()), (2, 2));
}

#[test]
fn a_rule_may_stop_everything() {
    let contract = contract(&COLUMNS.replace("value: quarantine_row", "value: stop"));
    let checked = check(&contract, &batch(rows()));
    assert_eq!(checked.stop, Some(Reason { column: "kind".into(), rule: "vocabulary".into() }));
    assert_eq!(checked.rows().num_rows(), 0);
    let mut columns = rows();
    columns[1].1 = Arc::new(StringArray::from(vec!["web"; 4]));
    assert_eq!(check(&contract, &batch(columns)).stop, None);
}

#[test]
fn a_batch_without_rows_stands() {
    let checked = check(&contract(COLUMNS), &batch(rows()).slice(0, 0));
    assert_eq!((checked.stands.len(), checked.rows().num_rows()), (0, 0));
}
