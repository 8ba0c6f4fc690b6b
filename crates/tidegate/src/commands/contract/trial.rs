//! `tidegate contract test`: what would become of the rows of files under a contract?
//!
//! Nothing is written, and no value is printed: only columns, rules and counts.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::options::ArrowReadOptions;
use datafusion::prelude::{CsvReadOptions, JsonReadOptions, ParquetReadOptions, SQLOptions, SessionContext};
use datafusion::sql::sqlparser::tokenizer::Span;
use futures::StreamExt;
use tidegate_algebra::query_session;
use tidegate_contract::{DataContract, Trial};
use tidegate_signal::{Place, Refusal, SourceText};

use crate::cli::OutputFormat;
use crate::contracts::contract_of;
use crate::failure::{Failure, Result};
use crate::output::print_batch;
use crate::words::counted;

/// What rows that cannot all be taken end with.
const NOT_KEPT: u8 = 1;

pub(super) async fn run(
    contract: &str,
    files: &[String],
    view: Option<&PathBuf>,
    format: OutputFormat,
) -> Result<ExitCode> {
    let contract = Arc::new(contract_of(Path::new("."), contract)?);
    let session = query_session();
    let mut names = Vec::new();
    for file in files {
        let name = table_name(file);
        if names.contains(&name) {
            let cause = format!("two files would be the table `{name}`");
            return Err(Failure::usage("TG714", cause, "give the folder they lie in, or rename one"));
        }
        let rows = read(&session, file, &contract).await.map_err(|error| unreadable(file, &error))?;
        session.register_table(name.as_str(), rows.into_view())?;
        names.push(name);
    }
    let selects = match view {
        Some(view) => {
            let text = std::fs::read_to_string(view).map_err(|error| Failure::io("read", view.display(), &error))?;
            vec![SourceText::new(view.display().to_string(), text)]
        }
        None => names.iter().map(|name| SourceText::new(name, format!("SELECT * FROM \"{name}\""))).collect(),
    };
    let mut trial = Trial::new(Arc::clone(&contract));
    for select in &selects {
        hold(&session, select, &mut trial).await.map_err(|error| {
            let start = Place::new(select, Span::empty());
            Failure::from(Refusal::from_datafusion(&error, &start))
        })?;
    }
    print_batch(&trial.findings(), format)?;
    let (rows, set_aside) = (trial.rows(), trial.rows() - trial.taken());
    eprintln!("{}: {} of {} can be taken, {set_aside} cannot", contract.label(), trial.taken(), counted(rows, "row"));
    Ok(if trial.is_kept() { ExitCode::SUCCESS } else { ExitCode::from(NOT_KEPT) })
}

async fn hold(session: &SessionContext, select: &SourceText, trial: &mut Trial) -> Result<(), DataFusionError> {
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let mut rows = session.sql_with_options(select.text(), read_only).await?.execute_stream().await?;
    while let Some(batch) = rows.next().await {
        trial.hold(&batch?);
    }
    Ok(())
}

/// `data/events.parquet` is `events`.
fn table_name(file: &str) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// The rows of a file. Text says no types: those of the contract are taken.
async fn read(session: &SessionContext, file: &str, contract: &DataContract) -> Result<DataFrame, DataFusionError> {
    let ending = Path::new(file).extension().unwrap_or_default().to_string_lossy().into_owned();
    let ending = format!(".{ending}");
    match ending.as_str() {
        ".csv" => {
            let inferred = session.read_csv(file, CsvReadOptions::new()).await?;
            let schema = typed(inferred.schema().as_arrow(), contract);
            session.read_csv(file, CsvReadOptions::new().schema(&schema)).await
        }
        ".ndjson" | ".jsonl" | ".json" => {
            let options = JsonReadOptions::default().file_extension(&ending);
            let inferred = session.read_json(file, options.clone()).await?;
            let schema = typed(inferred.schema().as_arrow(), contract);
            session.read_json(file, options.schema(&schema)).await
        }
        ".arrow" => session.read_arrow(file, ArrowReadOptions::default()).await,
        _ => session.read_parquet(file, ParquetReadOptions::default()).await,
    }
}

fn typed(inferred: &Schema, contract: &DataContract) -> Schema {
    let field = |field: &Field| match contract.column(field.name()).map(|column| &column.data_type) {
        Some(DataType::Dictionary(_, values)) => field.clone().with_data_type(values.as_ref().clone()),
        Some(data_type) => field.clone().with_data_type(data_type.clone()),
        None => field.clone(),
    };
    Schema::new(inferred.fields().iter().map(|inferred| field(inferred)).collect::<Vec<_>>())
}

fn unreadable(file: &str, error: &DataFusionError) -> Failure {
    let cause = format!("{file} cannot be read: {}", error.strip_backtrace());
    Failure::usage("TG714", cause, "give Parquet, NDJSON, CSV or Arrow files, or a folder of Parquet files")
}
