//! `tidegate quarantine`: what was set aside, and how is it taken in after all?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema, TimestampMicrosecondType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use serde::Serialize;
use tidegate_stream::{History, Replayed, SetAsideFile, read_quarantine};

use super::run::{describe_signals, run_id};
use crate::cli::{self, Chosen, OutputFormat, Place, QuarantineCommand};
use crate::failure::{Failure, Result};
use crate::instants;
use crate::log::Log;
use crate::output::{print, print_rows};
use crate::progress::Bar;
use crate::project::Project;
use crate::words::{counted, signal_account, stream_account};

pub(crate) async fn run(place: &Place, options: &cli::Quarantine) -> Result<ExitCode> {
    match &options.command {
        QuarantineCommand::Ls { chosen, json } => list(place, chosen, *json).await?,
        QuarantineCommand::Show { chosen, limit, format } => show(place, chosen, *limit, *format).await?,
        QuarantineCommand::Replay { stream, reason } => replay(place, stream, reason.as_deref()).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Rows that were set aside together.
#[derive(Debug, Default, Serialize)]
struct Group {
    stream: String,
    reason: String,
    signal: Option<String>,
    rows: u64,
    replayed: u64,
    first_event_us: Option<i64>,
    last_event_us: Option<i64>,
    files: BTreeSet<String>,
}

async fn list(place: &Place, chosen: &Chosen, json: bool) -> Result<()> {
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    for (stream, file, batches) in chosen_files(place, chosen).await? {
        for batch in &batches {
            let replayed = batch.column(batch.num_columns() - 1).as_boolean();
            let reasons = text(batch, "reason");
            let signals = text(batch, "signal");
            let times = batch.column_by_name("event_time");
            let times = times.and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
            for row in 0..batch.num_rows() {
                let (Some(reason), signal) = (value(reasons, row), value(signals, row)) else { continue };
                let key = (stream.clone(), reason.to_owned(), signal.map(str::to_owned));
                let group = groups.entry(key.clone()).or_default();
                (group.stream, group.reason, group.signal) = key;
                group.rows += 1;
                group.replayed += u64::from(replayed.value(row));
                if let Some(time) = times.filter(|times| times.is_valid(row)).map(|times| times.value(row)) {
                    group.first_event_us = Some(group.first_event_us.map_or(time, |first| first.min(time)));
                    group.last_event_us = group.last_event_us.max(Some(time));
                }
                group.files.insert(file.path.clone());
            }
        }
    }
    let groups = groups.into_values().collect::<Vec<_>>();
    if json {
        let text = serde_json::to_string_pretty(&groups);
        let text = text.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
        return print(&(text + "\n"));
    }
    print(&describe(&groups))
}

fn describe(groups: &[Group]) -> String {
    if groups.is_empty() {
        return "nothing is set aside\n".to_owned();
    }
    let mut text = String::new();
    for group in groups {
        let signal = group.signal.as_ref().map(|signal| format!(" for {signal}")).unwrap_or_default();
        let times = group.first_event_us.zip(group.last_event_us);
        let times = times.map(|(first, last)| format!(", from {} to {}", instants::show(first), instants::show(last)));
        let replayed = if group.replayed > 0 { format!(", {} replayed", group.replayed) } else { String::new() };
        let (stream, reason, rows) = (&group.stream, &group.reason, counted(group.rows, "row"));
        let _ = writeln!(text, "{stream}: {reason}{signal}: {rows}{replayed}{}", times.unwrap_or_default());
        for path in &group.files {
            let _ = writeln!(text, "  {path}");
        }
    }
    text
}

async fn show(place: &Place, chosen: &Chosen, limit: usize, format: OutputFormat) -> Result<()> {
    let mut shown = Vec::new();
    let mut room = limit;
    for (_, _, batches) in chosen_files(place, chosen).await? {
        for batch in batches {
            let batch = batch.slice(0, batch.num_rows().min(room));
            room -= batch.num_rows();
            shown.push(batch);
        }
    }
    shown.retain(|batch| batch.num_rows() > 0);
    let schema = shown.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let rows = futures::stream::iter(shown.into_iter().map(Ok));
    print_rows(Box::pin(RecordBatchStreamAdapter::new(schema, rows)), format).await
}

/// The rows of the quarantine files that the log names, if they are chosen; a last column says which were replayed.
async fn chosen_files(place: &Place, chosen: &Chosen) -> Result<Vec<(String, SetAsideFile, Vec<RecordBatch>)>> {
    let log = Log::read(place).await?;
    let Some(store) = log.store else {
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    for (name, stream) in History::of(&log.records).streams {
        if chosen.stream.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        for file in stream.quarantine {
            if chosen.reason.as_ref().is_some_and(|reason| !file.rows.contains_key(reason)) {
                continue;
            }
            let mut batches = Vec::new();
            let mut index = 0;
            for batch in read_quarantine(&store, &file.path).await? {
                let rows = index..index + batch.num_rows() as u64;
                index = rows.end;
                let batch = with_replayed(&batch, rows.map(|row| Some(file.is_taken(row))).collect())?;
                batches.push(of_reason(&batch, chosen.reason.as_deref())?);
            }
            files.push((name.clone(), file, batches));
        }
    }
    Ok(files)
}

fn with_replayed(batch: &RecordBatch, replayed: BooleanArray) -> Result<RecordBatch> {
    let mut fields = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("replayed", replayed.data_type().clone(), false)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(replayed) as ArrayRef);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| unreadable(&error))
}

fn of_reason(batch: &RecordBatch, reason: Option<&str>) -> Result<RecordBatch> {
    let reasons = text(batch, "reason");
    let keep = (0..batch.num_rows()).map(|row| Some(reason.is_none() || value(reasons, row) == reason));
    filter_record_batch(batch, &keep.collect()).map_err(|error| unreadable(&error))
}

fn unreadable(error: &arrow::error::ArrowError) -> Failure {
    Failure::infrastructure("TG503", format!("a quarantine file is not as it was written: {error}"), "restore it")
}

fn text<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a arrow::array::StringArray> {
    batch.column_by_name(column).and_then(|column| column.as_string_opt::<i32>())
}

fn value(column: Option<&arrow::array::StringArray>, row: usize) -> Option<&str> {
    column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
}

async fn replay(place: &Place, stream: &str, reason: Option<&str>) -> Result<()> {
    let project = Project::load(place).await?;
    let mut engine = project.engine(run_id()?).await?;
    let bar = Bar::new();
    let (replayed, summary) = engine.replay(stream, reason, &|progress| bar.show(progress)).await?;
    drop(bar);
    eprint!("{}{}", describe_replay(&replayed), describe_signals(&summary));
    Ok(())
}

fn describe_replay(replayed: &Replayed) -> String {
    let mut text = String::new();
    let mut line = |part: String| {
        let _ = writeln!(text, "{part}");
    };
    match replayed.taken {
        0 => line("nothing was replayed".to_owned()),
        rows => line(format!("{} replayed", counted(rows, "row"))),
    }
    if replayed.rejected.read > 0 {
        line(format!("  judged anew: {}", stream_account(&replayed.rejected)));
    }
    for (name, rows) in &replayed.signals {
        line(format!("{name}: {}", signal_account(rows)));
    }
    for (why, rows) in &replayed.skipped {
        line(format!("  {} left in quarantine: {why}", counted(*rows, "row")));
    }
    text
}
