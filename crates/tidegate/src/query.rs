//! What can an ad hoc query see? Streams that protect nobody, released signals, and files.
//!
//! A protected stream's rows are out of reach: by name, and by the paths of its files. So are the
//! project's private folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::MemorySchemaProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::TableSource;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::tokenizer::Span;
use futures::StreamExt;
use tidegate_algebra::query_session;
use tidegate_signal::{Place, Refusal, SourceText, TumblePlanner};
use tidegate_source::{Item, Source};

use crate::failure::{Failure, Result, Snippet};
use crate::project::Project;

/// Folders below the root that hold pre-release data.
const PRIVATE: [&str; 6] = ["state", "log", "staging", "quarantine", "keys", "evidence"];

/// A session for ad hoc queries over a project.
pub(crate) struct Query {
    session: SessionContext,
    source: SourceText,
    /// Rows and files that could not be read.
    pub(crate) rejected: Arc<AtomicU64>,
}

impl Query {
    /// Prepares `text` over `project`; without a project only files can be read.
    pub(crate) async fn new(text: &str, project: Option<&Project>) -> Result<Self> {
        let session = query_session().enable_url_table();
        let source = SourceText::new("query", text);
        let rejected = Arc::new(AtomicU64::new(0));
        if let Some(project) = project {
            let streams = register_streams(&session, project, &rejected)?;
            let windows = TumblePlanner::new(streams, source.clone(), session.clone());
            session.register_relation_planner(Arc::new(windows))?;
            register_released(&session, project).await?;
        }
        Ok(Self { session, source, rejected })
    }

    /// Runs the query.
    pub(crate) async fn run(&self, project: Option<&Project>) -> Result<SendableRecordBatchStream> {
        let start = Place::new(&self.source, Span::empty());
        let explain = |error: &DataFusionError| Failure::from(Refusal::from_datafusion(error, &start));
        let mut parser = DFParserBuilder::new(self.source.text()).build().map_err(|error| explain(&error))?;
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

/// Refuses a protected stream by name, and private files by path.
fn refuse_private(table: &str, project: &Project, source: &SourceText) -> Result<()> {
    let protected = |name: &str| {
        let mut streams = project.inputs.iter().filter(|(stream, _)| stream.definition.contract.is_protected());
        streams.any(|(stream, _)| stream.definition.name.value == name)
    };
    let refusal = |cause: String, fix: &str| {
        let at = source.text().find(table).unwrap_or(0);
        let snippet = Snippet::new(source.name().to_owned(), source.text().to_owned(), at..at + table.len());
        Err(Failure::privacy("TG205", cause, fix).at(snippet))
    };
    let fix = "query released.<signal>; to show something else, write a signal with a privacy clause";
    if protected(table) {
        return refusal(format!("stream `{table}` is protected and cannot be queried row by row"), fix);
    }
    let Ok(path) = Path::new(table).canonicalize() else {
        return Ok(());
    };
    let streams = project.inputs.iter().filter(|(stream, _)| stream.definition.contract.is_protected());
    let landing = streams.map(|(_, source)| source.root().to_path_buf());
    let private = PRIVATE.iter().map(|folder| project.root.join(folder));
    let closed = landing.chain(private).filter_map(|folder| folder.canonicalize().ok()).collect::<Vec<PathBuf>>();
    if closed.iter().any(|folder| path.starts_with(folder) || folder.starts_with(&path)) {
        return refusal(format!("'{table}' holds rows from before release"), fix);
    }
    Ok(())
}

fn register_streams(
    session: &SessionContext,
    project: &Project,
    rejected: &Arc<AtomicU64>,
) -> Result<BTreeMap<String, Arc<dyn TableSource>>> {
    let mut tables = BTreeMap::new();
    for (stream, source) in &project.inputs {
        if stream.definition.contract.is_protected() {
            continue;
        }
        let name = stream.definition.name.value.clone();
        let rows = StreamRows { source: Arc::clone(source), rejected: Arc::clone(rejected) };
        let table = StreamingTable::try_new(Arc::clone(&stream.schema), vec![Arc::new(rows)])?;
        let table = Arc::new(table);
        tables.insert(name.clone(), provider_as_source(Arc::clone(&table) as _));
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
            let opened = file.and_then(|file| source.open(&file, &columns, 0, BATCH_ROWS).map_err(external));
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

/// Registers `released.<signal>` for every signal; one that has released nothing yet is an empty table.
async fn register_released(session: &SessionContext, project: &Project) -> Result<()> {
    let schema = Arc::new(MemorySchemaProvider::new());
    if let Some(catalog) = session.catalog("datafusion") {
        catalog.register_schema("released", schema)?;
    }
    let mut missing = Vec::new();
    for signal in &project.definitions.signals {
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
    for signal in project.plan_to_look_at().await.unwrap_or_default() {
        if missing.iter().any(|name| name == signal.name()) {
            let empty = Arc::new(EmptyTable::new(signal.cut.output_schema()));
            session.register_table(TableReference::partial("released", signal.name()), empty)?;
        }
    }
    Ok(())
}

/// All released rows of a signal, if it has released any.
pub(crate) async fn released_rows(root: &Path, signal: &str) -> Result<Option<SendableRecordBatchStream>> {
    let Some(folder) = released_folder(root, signal) else {
        return Ok(None);
    };
    let session = query_session();
    let table = released_table(&session, &folder).await?;
    Ok(Some(session.read_table(table)?.execute_stream().await?))
}

fn released_folder(root: &Path, signal: &str) -> Option<PathBuf> {
    let folder = root.join(format!("released/signal={signal}"));
    let mut entries = std::fs::read_dir(&folder).ok()?;
    entries.next().is_some().then_some(folder)
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
