//! Does a tally depend on anything but the rows?

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use proptest::prelude::*;
use tidegate_contract::{DataContract, Tally, check};

const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
id: a
version: 1.0.0
status: active
team: { name: t }
slaProperties: [{ property: latency, value: 1, unit: m }]
customProperties:
  - { property: source, value: s }
  - { property: reliability, value: exactly-once }
  - { property: privacyClass, value: internal }
schema:
  - name: s
    properties:
      - { name: id, logicalType: string, required: true, unique: true }
      - name: kind
        logicalType: string
        quality:
          - { metric: missingValues, arguments: { missingValues: [null, ''] }, mustBe: 0, unit: percent }
          - metric: invalidValues
            arguments: { validValues: ['', a, b] }
            mustBe: 0
            customProperties: [{ property: onViolation, value: quarantine_row }]
      - { name: number, logicalType: integer, logicalTypeOptions: { minimum: 0 } }
    quality:
      - { metric: rowCount, mustBeGreaterThan: 3 }
      - { metric: duplicateValues, arguments: { properties: [kind, number] }, mustBeLessThan: 50, unit: percent }
";

/// id, kind, number
type Row = (Option<u8>, Option<String>, Option<i64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let kind = prop_oneof![Just(""), Just("a"), Just("b"), Just("c")].prop_map(str::to_owned);
    let row = (prop::option::of(0..12_u8), prop::option::of(kind), prop::option::of(-2..4_i64));
    prop::collection::vec(row, 0..40)
}

/// The rows with their texts in one of Arrow's layouts.
fn batch(rows: &[Row], layout: usize) -> RecordBatch {
    let layouts = [
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    ];
    let text = |array: StringArray| cast(&array, &layouts[layout % layouts.len()]).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", text(rows.iter().map(|row| row.0.map(|id| id.to_string())).collect())),
        ("kind", text(rows.iter().map(|row| row.1.clone()).collect())),
        ("number", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn contract() -> Arc<DataContract> {
    Arc::new(DataContract::parse("c", CONTRACT).unwrap())
}

fn tally(contract: &Arc<DataContract>, max_keys: usize, rows: &[Row], layout: usize) -> Tally {
    let mut tally = Tally::with_max_keys(Arc::clone(contract), max_keys);
    tally.update(&batch(rows, layout));
    tally
}

fn merged(mut one: Tally, other: &Tally) -> Tally {
    one.merge(other.clone()).unwrap();
    one
}

/// The same counted the slow way, one row after another.
fn expected(rows: &[Row]) -> Vec<Option<f64>> {
    let count = |is_hit: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| is_hit(row)).count() as f64;
    let repeats = |key: &dyn Fn(&Row) -> Option<String>| {
        let mut seen = HashMap::new();
        rows.iter().filter_map(key).for_each(|key| *seen.entry(key).or_insert(0) += 1);
        seen.values().map(|times| times - 1).sum::<i32>() as f64
    };
    let all = rows.len() as f64;
    let observed = [
        count(&|row| row.0.is_none()),
        repeats(&|row| row.0.map(|id| id.to_string())),
        count(&|row| row.1.as_deref().is_none_or(str::is_empty)) * 100.0 / all,
        count(&|row| row.1.as_deref() == Some("c")),
        count(&|row| row.2.is_some_and(|number| number < 0)),
        all,
        repeats(&|row| Some(format!("{:?} {}", row.1.as_ref()?, row.2?))) * 100.0 / all,
    ];
    observed.iter().enumerate().map(|(rule, observed)| (all > 0.0 || rule == 5).then_some(*observed)).collect()
}

proptest! {
    #[test]
    fn a_tally_is_what_one_counts_by_hand(rows in rows(), layout in 0..4_usize) {
        let tally = tally(&contract(), 1000, &rows, layout);
        let observed = tally.results().iter().map(|result| result.observed).collect::<Vec<_>>();
        prop_assert_eq!(observed, expected(&rows));
        prop_assert_eq!(tally.result_rows().num_rows(), 7);
    }

    #[test]
    fn merging_is_associative_and_commutative_and_nothing_is_its_identity(
        (a, b, c) in (rows(), rows(), rows()), layout in 0..4_usize, max_keys in 0..20_usize,
    ) {
        let contract = contract();
        let [a, b, c] = [a, b, c].map(|rows| tally(&contract, max_keys, &rows, layout));
        prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a.clone(), &merged(b.clone(), &c)));
        prop_assert_eq!(merged(a.clone(), &b), merged(b.clone(), &a));
        let nothing = Tally::with_max_keys(Arc::clone(&contract), max_keys);
        prop_assert_eq!(merged(a.clone(), &nothing), a.clone());
        prop_assert_eq!(merged(nothing, &a), a);
    }

    #[test]
    fn how_rows_are_cut_and_laid_out_does_not_matter(
        rows in rows(), at in 0..40_usize, layouts in (0..4_usize, 0..4_usize, 0..4_usize), max_keys in 0..20_usize,
    ) {
        let contract = contract();
        let whole = tally(&contract, max_keys, &rows, layouts.0);
        let (first, rest) = rows.split_at(at.min(rows.len()));
        let mut cut = tally(&contract, max_keys, first, layouts.1);
        cut.update(&batch(rest, layouts.2));
        prop_assert_eq!(&cut, &whole);
        prop_assert_eq!(merged(tally(&contract, max_keys, first, layouts.1), &tally(&contract, max_keys, rest, layouts.2)), whole);
    }

    /// Beyond its keys a tally knows nothing of duplicates, and never says that a rule holds.
    #[test]
    fn what_is_not_known_is_never_a_pass(rows in rows(), max_keys in 0..20_usize) {
        let tally = tally(&contract(), max_keys, &rows, 0);
        for (result, expected) in tally.results().iter().zip(expected(&rows)) {
            prop_assert!(result.observed.is_none() || result.observed == expected);
            prop_assert_eq!(result.passed.is_none(), result.observed.is_none());
        }
    }

    #[test]
    fn a_row_stands_or_falls_alone_and_in_every_layout(rows in rows(), layout in 0..4_usize) {
        let contract = contract();
        let stands = check(&contract, &batch(&rows, layout)).stands;
        for (index, row) in rows.iter().enumerate() {
            let alone = check(&contract, &batch(std::slice::from_ref(row), 0));
            prop_assert_eq!(stands.value(index), alone.stands.value(0));
            let keeps = row.0.is_some() && row.1.as_deref() != Some("c") && row.2.is_none_or(|number| number >= 0);
            prop_assert_eq!(stands.value(index), keeps);
        }
        prop_assert_eq!(check(&contract, &batch(&rows, layout)).rows().num_rows(), stands.true_count());
    }
}

#[test]
fn tallies_of_two_contracts_do_not_merge() {
    let other = CONTRACT.replace("version: 1.0.0", "version: 1.1.0");
    let other = Arc::new(DataContract::parse("c", &other).unwrap());
    let error = Tally::new(contract()).merge(Tally::new(other)).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("TG713", "a tally of s 1.0.0 cannot be merged with one of s 1.1.0")
    );
}
