//! Telemetry through the door: requests in, rows out.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod agree;
mod canary;
mod golden;
mod hostile;
mod mapping;
mod rows;
mod split;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tidegate_otlp::{Context, Mapped, Mapper, Mapping, Unredacted};

/// When every request of these tests comes in.
const CONTEXT: Context<'static> = Context { tenant: None, ingested_at_us: 1_767_229_200_000_000, source: "test" };

fn mapper(name: &str) -> Mapper {
    Mapper::new(Mapping::shipped(name).unwrap())
}

/// The rows of `mapped`, one value a line, without what was not reported; and the tally.
fn show(mapped: Mapped) -> String {
    let tally = format!("{:#?}\n", mapped.tally());
    let Unredacted { decisions, steps, labels, .. } = mapped.unredacted();
    [("decision", &decisions), ("step", &steps), ("label", &labels)]
        .iter()
        .flat_map(|(name, batch)| (0..batch.num_rows()).map(move |row| format!("--- {name}\n{}", show_row(batch, row))))
        .chain([tally])
        .collect()
}

fn show_row(batch: &RecordBatch, row: usize) -> String {
    let fields = batch.schema_ref().fields();
    let reported = fields
        .iter()
        .zip(batch.columns())
        .filter(|(_, column)| column.logical_nulls().is_none_or(|nulls| nulls.is_valid(row)));
    reported.map(|(field, column)| format!("{}: {}\n", field.name(), value(column, row))).collect()
}

fn value(column: &dyn Array, row: usize) -> String {
    // Times are in UTC; that name would need a table of time zones to be shown.
    let time = column.as_primitive_opt::<TimestampMicrosecondType>();
    let local = time.map(|time| time.clone().with_timezone_opt(None::<&str>));
    let shown = local.as_ref().map_or(column, |local| local as &dyn Array);
    ArrayFormatter::try_new(shown, &FormatOptions::default()).unwrap().value(row).to_string()
}

/// The values of one column, `null` for what is not reported.
fn column(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap();
    let nulls = column.logical_nulls();
    let show =
        |row| if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) { "null".into() } else { value(column, row) };
    (0..batch.num_rows()).map(show).collect()
}
