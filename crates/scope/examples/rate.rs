//! How many rows a second does a scoper with ten rules take? `cargo run --release -p tidegate-scope --example rate`

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use tidegate_scope::{Home, Rules, Scoper, Tenants};

const ROWS: usize = 1_000_000;
const BATCH: usize = 8_192;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tenants: String = (0..50)
        .map(|t| format!("[tenants.t{t}]\nlearning = [{{ from = 2026-01-01, to = 2026-07-01, scope = \"global\" }}]\n"))
        .collect();
    let scoper =
        Scoper::new(Rules::parse("risk.toml", &rules())?, Tenants::parse("tenants.toml", &tenants)?, Home::of(["eu"]));
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for (name, encoding) in [("dictionary", coded), ("views", DataType::Utf8View), ("utf8", DataType::Utf8)] {
        let whole = rows(&encoding)?;
        let started = Instant::now();
        let mut kept = 0;
        for from in (0..ROWS).step_by(BATCH) {
            kept += scoper.apply(&whole.slice(from, BATCH.min(ROWS - from)))?.batch.num_rows();
        }
        let rate = ROWS as f64 / started.elapsed().as_secs_f64() / 1e6;
        writeln!(std::io::stdout(), "{name}: {rate:.1} million rows a second, {kept} kept")?;
    }
    Ok(())
}

/// Five rules over text and five over numbers.
fn rules() -> String {
    let class = |rule: usize| ["medium", "high", "prohibited"][rule % 3];
    let rule = |rule: usize| match rule % 2 {
        0 => format!(
            "[[rule]]\nrisk_class = \"{}\"\nall = [{{ column = \"task_class\", one_of = [\"task{rule}\", \"task{}\"] }}]\n",
            class(rule),
            rule + 20
        ),
        _ => format!(
            "[[rule]]\nrisk_class = \"{}\"\nrisk_score = 0.5\nany = [{{ column = \"confidence\", below = 0.0{rule} }}, {{ column = \"tool_failures\", at_least = {} }}]\n",
            class(rule),
            95 + rule
        ),
    };
    (0..10).map(rule).collect()
}

fn rows(encoding: &DataType) -> Result<RecordBatch, arrow::error::ArrowError> {
    let text = |word: &str, distinct: usize| {
        let plain = StringArray::from_iter_values((0..ROWS).map(|row| format!("{word}{}", row * 7919 % distinct)));
        cast(&plain, encoding)
    };
    let regions: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|_| "eu")));
    let times = (0..ROWS as i64).map(|row| 1_767_225_600_000_000 + row * 20_000_000);
    RecordBatch::try_from_iter([
        ("tenant_id", text("t", 60)?),
        ("event_time", Arc::new(TimestampMicrosecondArray::from_iter_values(times)) as ArrayRef),
        ("task_class", text("task", 40)?),
        ("region", cast(&regions, encoding)?),
        (
            "confidence",
            Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| (row % 1000) as f64 / 1000.0))) as ArrayRef,
        ),
        ("tool_failures", Arc::new(Int64Array::from_iter_values((0..ROWS as i64).map(|row| row % 101))) as ArrayRef),
    ])
}
