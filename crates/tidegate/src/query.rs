//! What can an ad hoc query see? Streams that protect nobody, released signals, and files.
//!
//! A protected stream's rows are out of reach: by name, and by the paths of its files. So are the
//! project's private folders.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{MemTable, MemorySchemaProvider, TableProvider};
use datafusion::common::{Column, TableReference};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast, col, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{DataFrame, SQLOptions, SessionContext};
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::tokenizer::Span;
use futures::StreamExt;
use tidegate_algebra::query_session;
use tidegate_contract::LearningScope;
use tidegate_ledger::{Store, StoreUrl};
use tidegate_signal::{
    DQ_RESULTS, Parameter, Place, Refusal, SCHEMA_DRIFT, Scope, SourceText, Stream, WindowPlanner, WindowedStream,
    query_tokens,
};
use tidegate_source::{Item, Place as FilePlace, Source};
use tidegate_stream::{derived_schema, dq_results_schema, released_schema, schema_drift_schema, table_schema};

use crate::evidence;
use crate::failure::{Failure, Result, Snippet};
use crate::labels::Ruling;
use crate::labels::settle::FOLDER as LABEL_CHANGES;
use crate::labels::table::{FUNCTION, LabelsEffective};
use crate::project::Project;
use crate::storage::Root;

/// Folders below the root that hold pre-release data.
const PRIVATE: [&str; 9] = ["state", "log", "staging", "quarantine", "dedupe", "keys", "internal", "local", "evidence"];

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
            let streams = register_streams(&session, project, &rejected).await?;
            for table in &project.tables {
                let rows = MemTable::try_new(table.rows.schema(), vec![vec![table.rows.clone()]])?;
                session.register_table(table.definition.name.value.as_str(), Arc::new(rows))?;
            }
            let windows = WindowPlanner::for_queries(streams, source.clone(), session.clone());
            session.register_relation_planner(Arc::new(windows))?;
            register_released(&session, project).await?;
            register_local(&session, project).await?;
            register_labels(&session, project).await?;
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
    let is_named = |(stream, _): &&(Stream, Arc<Source>)| stream.definition.name.value == table;
    if project.inputs.iter().find(is_named).is_some_and(|(stream, _)| stream.definition.contract.is_protected()) {
        return Err(closed(table, source, format!("stream `{table}` is protected and cannot be queried row by row")));
    }
    // What a contract has left out of rows stands in their files.
    let has_contract = |stream: &Stream| project.contracts.of(&stream.definition.name.value).is_some();
    let is_private = |stream: &Stream| stream.definition.contract.is_protected() || has_contract(stream);
    let streams = project.inputs.iter().filter(|(stream, _)| is_private(stream));
    if table == FUNCTION && streams.clone().any(|(stream, _)| stream.definition.name.value == labels_of(project)) {
        return Err(closed(table, source, "the labels are protected and cannot be queried row by row".to_owned()));
    }
    let (mut folders, mut buckets) = (Vec::new(), Vec::new());
    for (_, source) in streams {
        match source.root() {
            FilePlace::Local(folder) => folders.push(folder.clone()),
            place @ FilePlace::Remote { .. } => buckets.push(place.to_string().parse::<StoreUrl>()?),
        }
    }
    match &project.root {
        Root::Folder(root) => folders.extend(PRIVATE.iter().map(|folder| root.join(folder))),
        Root::Bucket(root) => buckets.extend(PRIVATE.iter().map(|folder| root.join(folder))),
    }
    // Changes of labels show whom the decisions are about, whether or not a stream reads them.
    folders.push(project.folder.join(LABEL_CHANGES));
    let mut folders = folders.iter().filter_map(|folder| folder.canonicalize().ok());
    let reached = reached_by(table);
    let is_on_disk =
        folders.any(|folder| reached.iter().any(|path| path.starts_with(&folder) || folder.starts_with(path)));
    if is_on_disk || buckets.iter().any(|place| reaches(table, place)) {
        return Err(closed(table, source, format!("'{table}' holds rows from before release")));
    }
    Ok(())
}

/// Whether a table name reads what lies at a place in a bucket, or above it.
fn reaches(table: &str, place: &StoreUrl) -> bool {
    let (Ok(table), Ok(place)) = (ListingTableUrl::parse(table), ListingTableUrl::parse(format!("{place}/"))) else {
        return false;
    };
    let (reached, kept) = (table.prefix(), place.prefix());
    registered(&table) == registered(&place) && (reached.prefix_matches(kept) || kept.prefix_matches(reached))
}

/// By what DataFusion finds a store: scheme and host. Whoever stands before the host makes no difference.
fn registered(url: &ListingTableUrl) -> String {
    let store = url.object_store().as_str().to_ascii_lowercase();
    let (scheme, rest) = store.split_once("://").unwrap_or_default();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{}", host.trim_end_matches('/'))
}

/// The name of the stream of labels.
fn labels_of(project: &Project) -> String {
    Ruling::read(&project.folder).unwrap_or_default().labels().to_owned()
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

async fn register_streams(
    session: &SessionContext,
    project: &Project,
    rejected: &Arc<AtomicU64>,
) -> Result<BTreeMap<String, WindowedStream>> {
    let mut tables = BTreeMap::new();
    for (stream, source) in project.guarded().await? {
        if stream.definition.contract.is_protected() {
            continue;
        }
        let name = stream.definition.name.value.clone();
        let table = stream_table(source, Arc::clone(rejected))?;
        let table: Arc<dyn TableProvider> = match &stream.definition.contract.learning_scope {
            Some(column) => Arc::new(ViewTable::new(learnable(&name, table, column)?, None)),
            None => table,
        };
        let source = provider_as_source(Arc::clone(&table));
        tables.insert(name.clone(), WindowedStream { table: source, time_zone: stream.definition.time_zone });
        session.register_table(name, table)?;
    }
    Ok(tables)
}

/// All rows of a stream, as a table; of what cannot be read the number is added to `rejected`.
pub(crate) fn stream_table(
    source: Arc<Source>,
    rejected: Arc<AtomicU64>,
) -> datafusion::error::Result<Arc<StreamingTable>> {
    let schema = Arc::clone(source.schema());
    Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(StreamRows { source, rejected })])?))
}

/// The rows of a stream that may be learnt from across tenants.
fn learnable(name: &str, table: Arc<StreamingTable>, column: &str) -> Result<LogicalPlan> {
    let scope = cast(col(Column::from_name(column)), DataType::Utf8View);
    let is_global = scope.eq(lit(LearningScope::Global.as_str()));
    Ok(LogicalPlanBuilder::scan(name, provider_as_source(table), None)?.filter(is_global)?.build()?)
}

/// Registers `labels_effective(...)`, where the project has labels that protect nobody.
async fn register_labels(session: &SessionContext, project: &Project) -> Result<()> {
    let ruling = Ruling::read(&project.folder)?;
    let inputs = project.guarded().await?;
    let find = |name: &str| inputs.iter().find(|(stream, _)| stream.definition.name.value == name);
    let Some((stream, labels)) = find(ruling.labels()) else { return Ok(()) };
    if stream.definition.contract.is_protected() {
        return Ok(());
    }
    let labels = Arc::clone(labels);
    let decisions = find(ruling.decisions()).map(|(_, source)| Arc::clone(source));
    session.register_udtf(FUNCTION, Arc::new(LabelsEffective { ruling, labels, decisions }));
    Ok(())
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
        let listing = Arc::clone(&source);
        let files = futures::stream::once(async move {
            let files = match listing.list().await {
                Ok(files) => files.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(error) => vec![Err(external(error))],
            };
            futures::stream::iter(files)
        });
        let columns = source.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let rows = files.flatten().flat_map(move |file| {
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

/// Registers the signals that every project has, and `released.<signal>` for every signal; one that has released nothing yet is an empty table.
async fn register_released(session: &SessionContext, project: &Project) -> Result<()> {
    let schema = Arc::new(MemorySchemaProvider::new());
    if let Some(catalog) = session.catalog("datafusion") {
        catalog.register_schema("released", schema)?;
    }
    let store = if project.root.exists() { Some(project.root.plain()?) } else { None };
    let store = store.as_ref();
    for (name, columns) in [(SCHEMA_DRIFT, schema_drift_schema()?), (DQ_RESULTS, dq_results_schema()?)] {
        let table: Arc<dyn TableProvider> = match released_table(session, &project.root, store, name).await? {
            Some(table) => table,
            None => Arc::new(EmptyTable::new(table_schema(&columns))),
        };
        session.register_table(TableReference::partial("released", name), table)?;
    }
    let mut missing = Vec::new();
    let all = project.definitions.signals.iter().chain(&project.definitions.derived);
    for signal in all.filter(|signal| signal.scope == Scope::Global) {
        let name = &signal.name.value;
        match released_table(session, &project.root, store, name).await? {
            Some(table) => {
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

/// Registers `local.<signal>` for every signal whose rows stay with their tenant and that has some.
async fn register_local(session: &SessionContext, project: &Project) -> Result<()> {
    let local = || project.definitions.signals.iter().filter(|signal| signal.scope == Scope::Local);
    if !project.root.exists() || local().next().is_none() {
        return Ok(());
    }
    if let Some(catalog) = session.catalog("datafusion") {
        catalog.register_schema(Scope::Local.folder(), Arc::new(MemorySchemaProvider::new()))?;
    }
    let store = project.store()?;
    for signal in local() {
        // They may be encrypted, and so are read by the store and not by the engine.
        let name = signal.name.value.as_str();
        if let Some(rows) = evidence::rows_of_signal(&store, name, Scope::Local.folder()).await? {
            let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
            session.register_table(TableReference::partial(Scope::Local.folder(), name), Arc::new(table))?;
        }
    }
    Ok(())
}

/// The released rows of a signal, to be asked about, if it has released any.
pub(crate) async fn released(root: &Root, signal: &str) -> Result<Option<DataFrame>> {
    if !root.exists() {
        return Ok(None);
    }
    let session = query_session();
    let table = released_table(&session, root, Some(&root.plain()?), signal).await?;
    Ok(table.map(|table| session.read_table(table)).transpose()?)
}

/// The released files of one signal as a table, with its `date` partitions, if there is any. Days whose rows were all
/// taken back leave folders without a file behind.
async fn released_table(
    session: &SessionContext,
    root: &Root,
    store: Option<&Store>,
    signal: &str,
) -> Result<Option<Arc<ListingTable>>> {
    let folder = format!("released/signal={signal}");
    let Some(store) = store else { return Ok(None) };
    if !store.list(&folder).await?.iter().any(|file| file.ends_with(".parquet")) {
        return Ok(None);
    }
    let url = match root {
        Root::Folder(root) => {
            let folder = root.join(folder);
            let folder = folder.canonicalize().map_err(|error| Failure::io("read", folder.display(), &error))?;
            ListingTableUrl::parse(format!("{}/", folder.display()))?
        }
        Root::Bucket(root) => ListingTableUrl::parse(format!("{}/", root.join(&folder)))?,
    };
    if let Some(bucket) = store.bucket() {
        session.register_object_store(url.object_store().as_ref(), bucket);
    }
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension(".parquet")
        .with_table_partition_cols(vec![("date".to_owned(), DataType::Date32)]);
    let schema = options.infer_schema(&session.state(), &url).await?;
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    Ok(Some(Arc::new(ListingTable::try_new(config)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_at_a_private_place_is_reached_however_it_is_written() {
        let check = |place: &str, table: &str, reached: bool| {
            assert_eq!(reaches(table, &place.parse().unwrap()), reached, "{table}");
        };
        let state = "s3://bucket/root/state";
        for table in ["state/x.parquet", "state/", "st%61te/*", "", "./state/x.parquet"] {
            check(state, &format!("s3://bucket/root/{table}"), true);
        }
        check(state, "s3://somebody@bucket/root/state/x.parquet", true);
        check(state, "S3://bucket/", true);
        check(state, "s3://bucket/root/released/x.parquet", false);
        check(state, "s3://bucket/root/state2/x.parquet", false);
        check(state, "s3://other/root/state/x.parquet", false);
        check(state, "gs://bucket/root/state/x.parquet", false);
        check("abfss://c@a.dfs.core.windows.net/state", "abfss://d@a.dfs.core.windows.net/state/x", true);
    }
}
