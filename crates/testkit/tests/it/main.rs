//! Do the generator and the faults keep their promises, and does the engine keep its own under them?

mod facts;
mod faults;
mod lab;
mod schedules;
mod streams;
mod write;

use std::collections::HashMap;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use tidegate_testkit::generate::{Config, Generator};

/// Enough rows for shares to settle, few enough to be quick.
fn config() -> Config {
    Config { rows: 60_000, tenants: 12, users: 3_000, ..Config::default() }
}

fn generator(config: Config) -> Generator {
    Generator::new(config).expect("the configuration is sound")
}

fn decisions(config: Config) -> RecordBatch {
    let generator = generator(config);
    let batches = (0..generator.chunks()).map(|chunk| generator.decisions(chunk));
    let batches: Vec<_> = batches.collect::<Result<_, _>>().expect("decisions are generated");
    concat_batches(&batches[0].schema(), &batches).expect("chunks are of one schema")
}

fn labels(config: Config) -> RecordBatch {
    let generator = generator(config);
    let batches = (0..generator.chunks()).map(|chunk| generator.labels(chunk));
    let batches: Vec<_> = batches.collect::<Result<_, _>>().expect("labels are generated");
    concat_batches(&batches[0].schema(), &batches).expect("chunks are of one schema")
}

/// The text of a column, plain or coded.
fn text<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    let column = batch.column_by_name(name).expect("the column exists");
    match column.as_dictionary_opt::<Int32Type>() {
        Some(coded) => {
            let words = coded.downcast_dict::<StringArray>().expect("codes stand for text");
            words.into_iter().collect()
        }
        None => column.as_string::<i32>().iter().collect(),
    }
}

fn times(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch.column_by_name(name).expect("the column exists");
    column.as_primitive::<TimestampMicrosecondType>().values().to_vec()
}

fn integers(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column = batch.column_by_name(name).expect("the column exists");
    column.as_primitive::<Int64Type>().iter().collect()
}

/// The first row of each id.
fn first_rows<'a>(ids: &[Option<&'a str>]) -> HashMap<&'a str, usize> {
    let mut first = HashMap::new();
    for (row, id) in ids.iter().enumerate() {
        first.entry(id.expect("ids are never null")).or_insert(row);
    }
    first
}

/// The share of `rows` that `holds`.
fn share(rows: impl Iterator<Item = bool>) -> f64 {
    let (mut all, mut held) = (0_u32, 0_u32);
    for holds in rows {
        all += 1;
        held += u32::from(holds);
    }
    f64::from(held) / f64::from(all)
}
