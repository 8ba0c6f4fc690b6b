//! `tidegate gate evaluate`: released statistics in, verdict as JSON out.

use std::path::Path;
use std::process::ExitCode;

use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use futures::TryStreamExt;
use tidegate_gate::{Count, Error, Evidence, GateFile, Row, Verdict, decide, require_columns};

use crate::cli::{self, GateCommand, Place};
use crate::config::Config;
use crate::failure::{Failure, Result, Snippet};
use crate::output::print;
use crate::query::released_rows;
use crate::storage::root_of;

pub(crate) async fn run(place: &Place, options: &cli::Gate) -> Result<ExitCode> {
    let GateCommand::Evaluate { file } = &options.command;
    let path = if file.is_file() { file.clone() } else { place.project.join(file) };
    let gate = read(&path)?;
    let root = root_of(place, &Config::read(&place.project)?);
    let verdict = evaluate(&root, &gate).await?;
    print(&format!("{}\n", to_json(&verdict)?))?;
    Ok(ExitCode::from(verdict.exit_code()))
}

/// Reads and checks a gate file.
pub(crate) fn read(path: &Path) -> Result<GateFile> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read", path.display(), &error))?;
    GateFile::parse(&path.display().to_string(), &text).map_err(|error| {
        let failure = Failure::usage(error.code(), cause(&error), error.help());
        match error.location() {
            Some(at) => failure.at(Snippet::new(at.file.clone(), text.clone(), at.offset..at.offset + at.length)),
            None => failure,
        }
    })
}

/// The message without the place, which the snippet shows.
fn cause(error: &Error) -> String {
    let text = error.to_string();
    let place = error.location().map(|at| format!("{}:{}:{}: ", at.file, at.line, at.column)).unwrap_or_default();
    text.strip_prefix(&place).unwrap_or(&text).to_owned()
}

/// Reads the gate's evidence from released files below `root` and decides.
pub(crate) async fn evaluate(root: &Path, gate: &GateFile) -> Result<Verdict> {
    let Some(rows) = released_rows(root, gate.signal()).await? else {
        // No evidence is an answer, and never a pass.
        return Ok(decide(gate, &Evidence::from_rows([]).unwrap_or_default()));
    };
    let schema = rows.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>();
    if let Err(error) = require_columns(&names) {
        return Ok(Verdict::from_error(gate, &error));
    }
    let batches = rows.try_collect::<Vec<RecordBatch>>().await?;
    let mut cells = Vec::new();
    for batch in &batches {
        cells.extend(rows_of(batch)?);
    }
    Ok(match Evidence::from_rows(cells) {
        Ok(evidence) => decide(gate, &evidence),
        Err(error) => Verdict::from_error(gate, &error),
    })
}

fn rows_of(batch: &RecordBatch) -> Result<Vec<Row>> {
    let column = |name: &str, data_type: &DataType| {
        let column =
            batch.column_by_name(name).ok_or_else(|| Failure::usage("TG620", format!("no column {name}"), "add it"))?;
        cast(column, data_type)
            .map_err(|error| Failure::usage("TG620", format!("column {name}: {error}"), "cast it in the signal"))
    };
    let (arms, buckets) = (column("arm", &DataType::Utf8)?, column("bucket", &DataType::Utf8)?);
    let (arms, buckets) = (arms.as_string::<i32>(), buckets.as_string::<i32>());
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let starts = cast(&column("window_start", &instant)?, &DataType::Int64)
        .map_err(|error| Failure::usage("TG620", error.to_string(), "release window_start as a timestamp"))?;
    let starts = starts.as_primitive::<Int64Type>();
    let (num, den) = (counts(batch, "num")?, counts(batch, "den")?);
    let text = |column: &StringArray, row| column.is_valid(row).then(|| column.value(row).to_owned());
    Ok((0..batch.num_rows())
        .map(|row| Row {
            arm: text(arms, row),
            bucket: text(buckets, row),
            window_start_us: starts.is_valid(row).then(|| starts.value(row)),
            num: num[row],
            den: den[row],
        })
        .collect())
}

/// Whole numbers as they are; everything else as a float, for the gate to judge.
fn counts(batch: &RecordBatch, name: &str) -> Result<Vec<Option<Count>>> {
    let fail = |error| Failure::usage("TG620", format!("column {name}: {error}"), "release counts as whole numbers");
    let Some(column) = batch.column_by_name(name) else {
        return Err(Failure::usage("TG620", format!("no column {name}"), "add it to the signal"));
    };
    if column.data_type().is_integer() {
        let column = cast(column, &DataType::Int64).map_err(fail)?;
        let column = column.as_primitive::<Int64Type>();
        return Ok(column.iter().map(|value| value.map(Count::Integer)).collect());
    }
    let column = cast(column, &DataType::Float64).map_err(fail)?;
    let column = column.as_primitive::<Float64Type>();
    Ok(column.iter().map(|value| value.map(Count::Float)).collect())
}

fn to_json(verdict: &Verdict) -> Result<String> {
    serde_json::to_string_pretty(verdict)
        .map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))
}
