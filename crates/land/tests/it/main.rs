//! Through the door: rows landed on a local disk and in memory, by one process and by several.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod crash;
mod days;
mod faulty;
mod landed;
mod model;
mod pressure;
mod race;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tidegate_land::{Arrival, Landing, Mark, Options, Producer};
use tidegate_ledger::Store;

/// Rows in an arrival.
const ROWS: u64 = 3;

fn schema() -> SchemaRef {
    let column = |name| Field::new(name, DataType::UInt64, false);
    Arc::new(Schema::new(vec![column("sequence"), column("row")]))
}

/// The rows that stand for a number, whenever it is sent.
fn rows(sequence: u64) -> RecordBatch {
    let sequences = UInt64Array::from_value(sequence, ROWS as usize);
    RecordBatch::try_new(schema(), vec![Arc::new(sequences), Arc::new(UInt64Array::from_iter_values(0..ROWS))]).unwrap()
}

fn producer(name: &str) -> Producer {
    Producer::new(name).unwrap()
}

fn arrival(name: &str, sequence: u64) -> Arrival {
    Arrival { producer: producer(name), sequence, batch: rows(sequence) }
}

fn open(store: &Store, options: Options) -> Landing {
    Landing::open(store.clone(), "clicks", schema(), options).unwrap()
}

fn quick() -> Options {
    Options { flush_after: Duration::from_millis(5), ..Options::default() }
}

/// How often each row stands in landed files, and every mark there is.
async fn landed(store: &Store) -> (BTreeMap<(String, u64, u64), usize>, Vec<Mark>) {
    let (mut found, mut marks) = (BTreeMap::new(), Vec::new());
    for path in store.list("landing").await.unwrap() {
        let bytes = store.get(&path).await.unwrap().unwrap();
        let mark = Mark::read(&path, &bytes).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        for batch in reader {
            let batch = batch.unwrap();
            let (sequences, rows) = (batch.column(0).as_primitive::<UInt64Type>(), batch.column(1).as_primitive());
            let rows: &arrow::array::PrimitiveArray<UInt64Type> = rows;
            for (sequence, row) in sequences.values().iter().zip(rows.values()) {
                assert!((mark.first..=mark.last).contains(sequence), "{path}: {sequence}");
                *found.entry((mark.producer.clone(), *sequence, *row)).or_default() += 1;
            }
        }
        marks.push(mark);
    }
    (found, marks)
}

/// Asserts that of a producer exactly the numbers up to `last` are landed, once each and whole.
async fn assert_once(store: &Store, name: &str, last: u64) {
    let (found, _) = landed(store).await;
    let found: BTreeMap<_, _> = found.into_iter().filter(|((who, ..), _)| who == name).collect();
    let all = (1..=last).flat_map(|sequence| (0..ROWS).map(move |row| (sequence, row)));
    let expected: BTreeMap<_, _> = all.map(|(sequence, row)| ((name.to_owned(), sequence, row), 1)).collect();
    assert_eq!(found, expected);
}
