//! How many rows a second are held against the contract of `decisions`, on one core?
//!
//! `cargo run --release -p tidegate-contract --example check_rows`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example that measures and says what it found")]

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::array::{BooleanArray, Float64Array, Int32Array, Int64Array, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use tidegate_contract::{DataContract, Held, Tally, check, shipped};

const ROWS: usize = 8192;
const BATCHES: usize = 400;

fn main() {
    let contract = Arc::new(shipped::contract("decisions").unwrap());
    let plain = batch(&contract, true);
    let coded = batch(&contract, false);
    for (layout, batch) in [("dictionaries", &coded), ("plain text", &plain)] {
        assert!(check(&contract, batch).counts().is_empty(), "{:?}", check(&contract, batch).counts());
        let rate = measured(|| assert_eq!(check(&contract, batch).stands.true_count(), ROWS));
        println!("check, {layout}: {:.2} million rows a second", rate / 1e6);
        let mut tally = Tally::with_max_keys(Arc::clone(&contract), 100_000);
        let rate = measured(|| tally.update(batch));
        println!("tally, {layout}: {:.2} million rows a second", rate / 1e6);
        let rate = measured(|| {
            let held = Held::new(&contract, batch);
            assert_eq!((held.check().stands.true_count(), held.tally().rows()), (ROWS, ROWS as u64));
        });
        println!("both at once, {layout}: {:.2} million rows a second", rate / 1e6);
    }
}

/// Rows for each second of processor time: a machine that is busy with something else measures the same.
fn measured(mut pass: impl FnMut()) -> f64 {
    pass();
    let start = processor_seconds();
    (0..BATCHES).for_each(|_| pass());
    (ROWS * BATCHES) as f64 / (processor_seconds() - start)
}

/// What this process has used so far; the kernel counts in hundredths.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace().collect::<Vec<_>>();
    let ticks = |field: usize| fields[field].parse::<u32>().unwrap();
    f64::from(ticks(11) + ticks(12)) / 100.0
}

/// Rows that keep the contract, with every column; coded text as dictionaries or as it is.
fn batch(contract: &DataContract, plain: bool) -> RecordBatch {
    let columns = contract.columns.iter().map(|column| {
        let array: ArrayRef = match &column.data_type {
            DataType::Utf8 => Arc::new(text(&column.name)),
            DataType::Dictionary(_, _) if plain => Arc::new(text(&column.name)),
            DataType::Dictionary(_, _) => cast(&text(&column.name), &column.data_type).unwrap(),
            DataType::Int32 => Arc::new(Int32Array::from(vec![3; ROWS])),
            DataType::Int64 => Arc::new(Int64Array::from(vec![1200; ROWS])),
            DataType::Float64 => Arc::new(Float64Array::from(vec![0.5; ROWS])),
            DataType::Boolean => Arc::new(BooleanArray::from(vec![true; ROWS])),
            DataType::Timestamp(_, _) => {
                Arc::new(TimestampMicrosecondArray::from(vec![1_700_000_000_000_000; ROWS]).with_timezone("UTC"))
            }
            other => new_null_array(other, ROWS),
        };
        (column.name.as_str(), array, !column.required)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn text(column: &str) -> StringArray {
    let words: &[&str] = match column {
        "outcome" => &["accepted", "edited", "rejected", "escalated"],
        "arm" => &["control", "treatment"],
        "policy_result" => &["allow", "review"],
        "risk_class" => &["low", "medium"],
        "learning_scope" => &["local"],
        _ => &["one", "another", "a third"],
    };
    let hex = |row: usize, digits: usize| Some(format!("{row:0digits$x}"));
    (0..ROWS)
        .map(|row| match column {
            "trace_id" | "decision_id" => hex(row, 32),
            "span_id" => hex(row, 16),
            "envelope_hash" => hex(row, 64),
            _ => Some(words[row % words.len()].to_owned()),
        })
        .collect()
}
