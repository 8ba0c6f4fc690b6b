//! What can an ad hoc query see? Streams that protect nobody, released signals, and files.
//!
//! A protected stream's rows are out of reach: by name, and by the paths of its files. So are the
//! project's private folders.

use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{MemTable, MemorySchemaProvider, TableProvider};
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{DataFrame, SQLOptions, SessionContext};
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::tokenizer::Span;
use futures::StreamExt;
use tidegate_algebra::query_session;
use tidegate_signal::{
    Parameter, Place, Refusal, SCHEMA_DRIFT, Scope, SourceText, WindowPlanner, WindowedStream, query_tokens,
};
use tidegate_source::{Item, Source};
use tidegate_stream::{derived_schema, released_schema, schema_drift_schema, table_schema};

use crate::failure::{Failure, Result, Snippet};
use crate::project::Project;

/// Folders below the root that hold pre-release data.
const PRIVATE: [&str; 8] = ["state", "log", "staging", "quarantine", "dedupe", "keys", "internal", "evidence"];

/// Values of `$parameters` by name.
pub(crate) type Parameters = BTreeMap<String, Parameter>;

/// A session for ad hoc queries over a project.
pub(crate) struct Query {
    session: SessionContext,
    source: SourceText,
    parameters: Parameters,
    /// Rows and files that could not be read.
    pub(crate) rejected: Arc<AtomicU64>,
}

impl Query {
    /// Prepares `text` over `project`; without a project only files can be read.
    pub(crate) async fn new(text: &str, project: Option<&Project>, parameters: Parameters) -> Result<Self> {
        let session = query_session().enable_url_table();
        let source = SourceText::new("query", text);
        let rejected = Arc::new(AtomicU64::new(0));
        if let Some(project) = project {
            let streams = register_streams(&session, project, &rejected)?;
            for table in &project.tables {
                let rows = MemTable::try_new(table.rows.schema(), vec![vec![table.rows.clone()]])?;
                session.register_table(table.definition.name.value.as_str(), Arc::new(rows))?;
            }
            let windows = WindowPlanner::for_queries(streams, source.clone(), session.clone());
            session.register_relation_planner(Arc::new(windows))?;
            register_released(&session, project).await?;
        }
        Ok(Self { session, source, parameters, rejected })
    }

    /// Runs the query.
    pub(crate) async fn run(&self, project: Option<&Project>) -> Result<SendableRecordBatchStream> {
        let start = Place::new(&self.source, Span::empty());
        let explain = |error: &DataFusionError| Failure::from(Refusal::from_datafusion(error, &start));
        let tokens = query_tokens(&self.source, &self.parameters)?;
        let mut parser = DFParserBuilder::new(tokens).build().map_err(|error| explain(&error))?;
        let mut statements = parser.parse_statements().map_err(|error| explain(&error))?;
        let (Some(statement), true) = (statements.pop_front(), statements.is_empty()) else {
            return Err(Failure::usage("TG115", "`tidegate sql` runs one query", "write a single SELECT"));
        };
        let state = self.session.state();
        if let Some(project) = project {
            let tables = state.resolve_table_references(&statement).map_err(|error| explain(&error))?;
            for table in tables {
                refuse_private(table.table(), project, &self.source)?;
            }
        }
        let plan = state.statement_to_plan(statement).await.map_err(|error| explain(&error))?;
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        if read_only.verify_plan(&plan).is_err() {
            return Err(Failure::usage("TG115", "`tidegate sql` only reads", "write a SELECT"));
        }
        let rows = self.session.execute_logical_plan(plan).await.map_err(|error| explain(&error))?;
        rows.execute_stream().await.map_err(|error| explain(&error))
    }
}

/// Refuses a protected stream by name, and private files by path, URL or glob.
fn refuse_private(table: &str, project: &Project, source: &SourceText) -> Result<()> {
    let streams = project.inputs.iter().filter(|(stream, _)| stream.definition.contract.is_protected());
    if streams.clone().any(|(stream, _)| stream.definition.name.value == table) {
        return Err(closed(table, source, format!("stream `{table}` is protected and cannot be queried row by row")));
    }
    let landing = streams.map(|(_, source)| source.root().to_path_buf());
    let private = PRIVATE.iter().map(|folder| project.root.join(folder));
    let mut folders = landing.chain(private).filter_map(|folder| folder.canonicalize().ok());
    let reached = reached_by(table);
    if folders.any(|folder| reached.iter().any(|path| path.starts_with(&folder) || folder.starts_with(path))) {
        return Err(closed(table, source, format!("'{table}' holds rows from before release")));
    }
    Ok(())
}

fn closed(table: &str, source: &SourceText, cause: String) -> Failure {
    let fix = "query released.<signal>; to show something else, write a signal with a privacy clause";
    let at = source.text().find(table).unwrap_or(0);
    let end = (at + table.len()).min(source.text().len());
    let snippet = Snippet::new(source.name().to_owned(), source.text().to_owned(), at..end);
    Failure::privacy("TG205", cause, fix).at(snippet)
}

/// The files or folders that a table name could read: a path, a `file://` URL, or what lies before the first wildcard
/// of a glob. Links are followed.
fn reached_by(table: &str) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(table)];
    if let Ok(url) = ListingTableUrl::parse(table) {
        paths.push(PathBuf::from(format!("/{}", url.prefix())));
    }
    let literal = table.split(['*', '?', '[', '{']).next().unwrap_or(table);
    if literal.len() < table.len() {
        paths.push(PathBuf::from(literal.rsplit_once('/').map_or(".", |(folder, _)| folder)));
    }
    paths.iter().filter_map(|path| path.canonicalize().ok()).collect()
}

fn register_streams(
    session: &SessionContext,
    project: &Project,
    rejected: &Arc<AtomicU64>,
) -> Result<BTreeMap<String, WindowedStream>> {
    let mut tables = BTreeMap::new();
    for (stream, source) in &project.inputs {
        if stream.definition.contract.is_protected() {
            continue;
        }
        let name = stream.definition.name.value.clone();
        let rows = StreamRows { source: Arc::clone(source), rejected: Arc::clone(rejected) };
        let table = StreamingTable::try_new(Arc::clone(&stream.schema), vec![Arc::new(rows)])?;
        let table = Arc::new(table);
        let source = provider_as_source(Arc::clone(&table) as _);
        tables.insert(name.clone(), WindowedStream { table: source, time_zone: stream.definition.time_zone });
        session.register_table(name, table)?;
    }
    Ok(tables)
}

/// The rows of an unprotected stream, as a table.
#[derive(Debug)]
struct StreamRows {
    source: Arc<Source>,
    rejected: Arc<AtomicU64>,
}

impl PartitionStream for StreamRows {
    fn schema(&self) -> &SchemaRef {
        self.source.schema()
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        const BATCH_ROWS: usize = 8_192;
        let source = Arc::clone(&self.source);
        let rejected = Arc::clone(&self.rejected);
        let external = |error: tidegate_source::Error| DataFusionError::External(Box::new(error));
        let files = match source.discover() {
            Ok(files) => files.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(external(error))],
        };
        let columns = source.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let rows = futures::stream::iter(files).flat_map(move |file| {
            let opened = file.and_then(|file| source.open(&file, &columns, 0.., BATCH_ROWS).map_err(external));
            let rejected = Arc::clone(&rejected);
            match opened {
                Err(error) => futures::stream::once(async { Err(error) }).boxed(),
                Ok(items) => items
                    .filter_map(move |item| {
                        let (batch, bad) = match item {
                            Item::Rows(delivery) => (Some(Ok(delivery.batch)), delivery.rejected.len() as u64),
                            Item::FileRejected(_) => (None, 1),
                        };
                        rejected.fetch_add(bad, Ordering::Relaxed);
                        futures::future::ready(batch)
                    })
                    .boxed(),
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(self.source.schema()), rows))
    }
}

/// Registers `released.schema_drift`, and `released.<signal>` for every signal; one that has released nothing yet is an empty table.
async fn register_released(session: &SessionContext, project: &Project) -> Result<()> {
    let schema = Arc::new(MemorySchemaProvider::new());
    if let Some(catalog) = session.catalog("datafusion") {
        catalog.register_schema("released", schema)?;
    }
    let drift: Arc<dyn TableProvider> = match released_folder(&project.root, SCHEMA_DRIFT) {
        Some(folder) => released_table(session, &folder).await?,
        None => Arc::new(EmptyTable::new(table_schema(&schema_drift_schema()?))),
    };
    session.register_table(TableReference::partial("released", SCHEMA_DRIFT), drift)?;
    let mut missing = Vec::new();
    let all = project.definitions.signals.iter().chain(&project.definitions.derived);
    for signal in all.filter(|signal| signal.scope == Scope::Global) {
        let name = &signal.name.value;
        match released_folder(&project.root, name) {
            Some(folder) => {
                let table = released_table(session, &folder).await?;
                session.register_table(TableReference::partial("released", name.as_str()), table)?;
            }
            None => missing.push(name.clone()),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let signals = project.plan_to_look_at().await.unwrap_or_default();
    let derived = project.derive(&signals).await.unwrap_or_default();
    let signals = signals.iter().map(|signal| (signal.name(), released_schema(signal)));
    for (name, schema) in signals.chain(derived.iter().map(|signal| (signal.name(), derived_schema(signal)))) {
        if missing.iter().any(|missing| missing == name) {
            let empty = Arc::new(EmptyTable::new(table_schema(&schema?)));
            session.register_table(TableReference::partial("released", name), empty)?;
        }
    }
    Ok(())
}

/// The released rows of a signal, to be asked about, if it has released any.
pub(crate) async fn released(root: &Path, signal: &str) -> Result<Option<DataFrame>> {
    let Some(folder) = released_folder(root, signal) else {
        return Ok(None);
    };
    let session = query_session();
    let table = released_table(&session, &folder).await?;
    Ok(Some(session.read_table(table)?))
}

/// The folder of a signal with released rows. Days whose rows were all taken back leave folders without a file behind.
fn released_folder(root: &Path, signal: &str) -> Option<PathBuf> {
    let folder = root.join(format!("released/signal={signal}"));
    // A crash may leave a file that had no name yet.
    let is_named = |file: DirEntry| !file.file_name().to_string_lossy().starts_with('.');
    let is_filled = |day: DirEntry| std::fs::read_dir(day.path()).is_ok_and(|files| files.flatten().any(is_named));
    let filled = std::fs::read_dir(&folder).ok()?.flatten().any(is_filled);
    filled.then_some(folder)
}

/// The released files of one signal as a table, with its `date` partitions.
async fn released_table(session: &SessionContext, folder: &Path) -> Result<Arc<ListingTable>> {
    let folder = folder.canonicalize().map_err(|error| Failure::io("read", folder.display(), &error))?;
    let url = ListingTableUrl::parse(format!("{}/", folder.display()))?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension(".parquet")
        .with_table_partition_cols(vec![("date".to_owned(), DataType::Date32)]);
    let schema = options.infer_schema(&session.state(), &url).await?;
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
}
