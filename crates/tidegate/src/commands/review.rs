//! `tidegate review`: people are asked, and what they say becomes labels.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use bytes::Bytes;
use chrono::Utc;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tidegate_labels::{Judgement, Unsaid, to_labels};
use tidegate_land::{Arrival, Producer};
use tidegate_ledger::Chain;
use tidegate_vault::{Outcome, Purposes, Reader};

use super::serve::desk_of;
use super::vault::{LOG, shelf};
use crate::cli::review::{Review, ReviewCommand};
use crate::cli::{OutputFormat, Place};
use crate::failure::{Failure, Result};
use crate::labels::Ruling;
use crate::output::print_batch;
use crate::project::Project;
use crate::review::waiting;
use crate::storage::landing_store;
use crate::words::counted;

pub(crate) async fn run(place: &Place, options: &Review) -> Result<ExitCode> {
    match &options.command {
        ReviewCommand::Export { label, tenant, purpose, who, limit, format } => {
            let reader = Reader { who: who.clone(), purpose: purpose.clone() };
            export(place, label, tenant, &reader, *limit, *format).await?;
        }
        ReviewCommand::Import { file, annotator } => import(place, file, annotator.as_deref()).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands in the log of accesses before decisions are shown row by row.
#[derive(Serialize)]
struct Look<'a> {
    review: &'a str,
    tenant: &'a str,
    who: &'a str,
    purpose: Option<&'a str>,
    at_us: i64,
    outcome: Outcome,
}

async fn export(
    place: &Place,
    label: &str,
    tenant: &str,
    reader: &Reader,
    limit: usize,
    format: OutputFormat,
) -> Result<()> {
    let project = Project::load_to_follow(place).await?;
    let ruling = Ruling::read(&project.folder)?;
    let Some(queue) = ruling.rules.queue(label).cloned() else {
        let there = ruling.rules.queues().collect::<Vec<_>>().join(", ");
        let fix = if there.is_empty() {
            "write [review.<label>] with `when`".to_owned()
        } else {
            format!("there is: {there}")
        };
        return Err(Failure::usage("TG793", format!("labels.toml has no section [review.{label}]"), fix));
    };
    let admitted = Purposes::new(project.config.evidence.purposes.clone()).admit(reader);
    let outcome = Outcome::of(&admitted);
    let (who, purpose, at_us) = (reader.who.as_str(), reader.purpose.as_deref(), Utc::now().timestamp_micros());
    let look = Look { review: label, tenant, who, purpose, at_us, outcome };
    let (mut log, _) = Chain::<Value>::open(project.store()?, LOG).await?;
    log.append(serde_json::to_value(look).map_err(|error| unwritable(&error))?).await?;
    admitted?;
    let rows = waiting(&project, ruling, (label, &queue), tenant, limit).await?;
    print_batch(&rows, format)?;
    eprintln!("{} for `{label}`", counted(rows.num_rows() as u64, "decision"));
    Ok(())
}

async fn import(place: &Place, file: &Path, annotator: Option<&str>) -> Result<()> {
    let bytes = fs::read(file).map_err(|error| Failure::io("read", file.display(), &error))?;
    let judgements = read(file, &bytes)?;
    let project = Project::load_to_follow(place).await?;
    let ruling = Ruling::read(&project.folder)?;
    let unsaid = Unsaid { annotator, labeled_us: modified_us(file)? };
    let labels = to_labels(&judgements, |label| ruling.rules.queue(label), unsaid).map_err(|refused| {
        let first = refused.first().map_or_else(String::new, |(row, why)| format!(": row {} because {why}", row + 1));
        let cause = format!("{} of {} cannot become labels{first}", refused.len(), file.display());
        Failure::usage("TG794", cause, "correct them and import the file again; nothing of it was taken")
    })?;
    let desk = {
        let name = ruling.labels();
        let input = project.inputs.iter().find(|(stream, _)| stream.definition.name.value == name);
        let store = landing_store(&project.folder, &project.root, &project.config)?;
        let keyring = if project.contracts.is_empty() { None } else { Some(project.keyring().await?) };
        let desk = match input {
            Some((stream, source)) => desk_of(&project, &store, keyring.as_ref(), &stream.definition, source)?,
            None => None,
        };
        desk.ok_or_else(|| {
            let cause = format!("stream `{name}` takes nothing that arrives");
            Failure::usage(
                "TG319",
                cause,
                format!("give it path = 'landing/{name}/', format = 'parquet' and a contract"),
            )
        })?
    };
    let shelf = shelf(&project).await?;
    let batch = desk.admit(&labels, shelf.as_ref()).await.map_err(|refused| {
        Failure::infrastructure(
            "TG795",
            refused.to_string(),
            "correct it and import the file again; nothing of it was taken",
        )
    })?;
    let mut is_new = false;
    if batch.num_rows() > 0 {
        let producer = producer(&bytes, unsaid)?;
        let landed = desk.landing.put(Arrival { producer, sequence: 1, batch }).await.map_err(|error| {
            Failure::infrastructure("TG795", error.to_string(), "import the file again: what was landed counts once")
        })?;
        is_new = !landed.duplicate;
    }
    desk.landing.close().await;
    let (labels, empty) = (labels.num_rows(), judgements.len() - labels.num_rows());
    let landed = if is_new || labels == 0 { "landed" } else { "had been landed before" };
    eprintln!("{} {landed}; {} without a judgement", counted(labels as u64, "label"), counted(empty as u64, "row"));
    Ok(())
}

/// Under what name a file is landed: the same for the same file, so that it is landed once.
fn producer(bytes: &[u8], unsaid: Unsaid<'_>) -> Result<Producer> {
    let hash = Sha256::new().chain_update(bytes).chain_update(unsaid.labeled_us.to_le_bytes());
    let hash = hash.chain_update(unsaid.annotator.unwrap_or_default()).finalize();
    let digits = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Producer::new(&format!("review-{digits}")).map_err(|error| unwritable(&error))
}

/// The rows of a file that was filled in.
fn read(file: &Path, bytes: &[u8]) -> Result<Vec<Judgement>> {
    let bad = |row: usize| {
        let cause = format!("row {row} of {} cannot be read", file.display());
        Failure::usage("TG794", cause, "keep the columns that `tidegate review export` printed")
    };
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => {
            let rows = csv::Reader::from_reader(bytes).into_deserialize();
            rows.enumerate().map(|(row, judgement)| judgement.map_err(|_| bad(row + 1))).collect()
        }
        Some("jsonl") => lines(bytes, bad),
        Some("parquet") => lines(&json_of_parquet(bytes).map_err(|_| bad(1))?, bad),
        _ => {
            let cause = format!("{} is neither .csv, .jsonl nor .parquet", file.display());
            Err(Failure::usage("TG794", cause, "name it by what it is"))
        }
    }
}

/// One JSON object a line.
fn lines(bytes: &[u8], bad: impl Fn(usize) -> Failure) -> Result<Vec<Judgement>> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(row, line)| serde_json::from_slice(line).map_err(|_| bad(row + 1))).collect()
}

fn json_of_parquet(bytes: &[u8]) -> Result<Vec<u8>, ArrowError> {
    let rows = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes))?.build()?;
    let mut text = LineDelimitedWriter::new(Vec::new());
    for batch in rows {
        text.write(&batch?)?;
    }
    text.finish()?;
    Ok(text.into_inner())
}

/// When a file was last changed, in microseconds since 1970: when somebody judged who does not say when.
fn modified_us(file: &Path) -> Result<i64> {
    let modified = fs::metadata(file).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(|error| Failure::io("read", file.display(), &error))?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn unwritable(error: &dyn std::fmt::Display) -> Failure {
    Failure::infrastructure("TG500", error.to_string(), "report this as a bug")
}
