//! What does a `.slt` file run against? A fresh project in a folder of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::catalog::MemorySchemaProvider;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use sqllogictest::{DB, DBOutput};
use tempfile::TempDir;
use tidegate_algebra::{UnitKey, query_session, session};
use tidegate_ledger::{Spend, Store};
use tidegate_signal::{Definitions, Parameter, Planner, Scope, Signal, SourceText, Stream, StreamDefinition, Table};
use tidegate_source::Source;
use tidegate_stream::{Engine, InputEnd, Limits, RowAccount, StreamInput};
use tidegate_testkit::generate::{Config, Generator};
use tokio::runtime::Runtime;

use crate::answer::{Column, Failure, Result, counts, rows};
use crate::feed::{Mode, cast_to, write};
use crate::root;
use crate::statement::{Rows, Statement};

/// The released folder after a RUN: paths and bytes.
#[derive(Debug, Default)]
pub(crate) struct Released(BTreeMap<PathBuf, Vec<u8>>);

impl Released {
    /// The first path that only one has, or that the two have with other bytes.
    pub(crate) fn first_difference(&self, other: &Self) -> Option<String> {
        let paths = self.0.keys().chain(other.0.keys());
        paths.filter(|path| self.0.get(*path) != other.0.get(*path)).map(|path| path.display().to_string()).min()
    }

    /// All files below `root`, by their paths from there. What `schema_drift` tells is of files, of which every mode has others.
    fn read(root: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.map_err(Failure::of)?.path();
                if path.is_dir() {
                    folders.extend(Some(path).filter(|path| !path.ends_with("signal=schema_drift")));
                } else {
                    let bytes = std::fs::read(&path).map_err(Failure::of)?;
                    files.insert(path.strip_prefix(root).unwrap_or(&path).to_path_buf(), bytes);
                }
            }
        }
        Ok(Self(files))
    }
}

/// A project, and the mode in which rows are delivered to it.
pub(crate) struct Project {
    mode: Mode,
    runtime: Arc<Runtime>,
    folder: TempDir,
    /// Accepted definitions, statement by statement.
    texts: Vec<SourceText>,
    parameters: BTreeMap<String, Parameter>,
    /// The columns of streams that declare none.
    columns: BTreeMap<String, RecordBatch>,
    /// Rows that wait for the next RUN.
    fed: Vec<(String, RecordBatch)>,
    files: usize,
    runs: usize,
    accounts: BTreeMap<String, RowAccount>,
    withheld: BTreeMap<String, u64>,
    released: Arc<Mutex<Vec<Released>>>,
}

impl Project {
    /// An empty project that notes after each RUN what it has `released`.
    pub(crate) fn new(mode: Mode, released: Arc<Mutex<Vec<Released>>>) -> Result<Self> {
        Ok(Self {
            mode,
            runtime: Arc::new(Runtime::new().map_err(Failure::of)?),
            folder: TempDir::new().map_err(Failure::of)?,
            texts: Vec::new(),
            parameters: BTreeMap::new(),
            columns: BTreeMap::new(),
            fed: Vec::new(),
            files: 0,
            runs: 0,
            accounts: BTreeMap::new(),
            withheld: BTreeMap::new(),
            released,
        })
    }

    async fn execute(&mut self, text: &str) -> Result<DBOutput<Column>> {
        let mut count = 0;
        match Statement::parse(text)? {
            Statement::Query(query) => return self.query(&query).await,
            Statement::Account(signal) => return Ok(self.account(&signal)),
            Statement::Withheld(signal) => {
                return Ok(counts(&[self.withheld.get(&signal).copied().unwrap_or_default()]));
            }
            Statement::Define(text) => self.define(SourceText::new("slt", text)).await?,
            Statement::DefineFile(path) => {
                let text = std::fs::read_to_string(root().join(&path)).map_err(Failure::of)?;
                self.define(SourceText::new(path, text)).await?;
            }
            Statement::Set(name, value) => {
                self.parameters.insert(name, value);
            }
            Statement::Feed { stream, rows } => count = self.feed(stream, rows).await?,
            Statement::Run(end) => self.run_to(end).await?,
        }
        Ok(DBOutput::StatementComplete(count))
    }

    /// Reads the accepted definitions and `more`; nothing is kept.
    async fn definitions(&self, more: Option<&SourceText>) -> Result<Definitions> {
        let texts = self.texts.iter().chain(more).cloned().collect::<Vec<_>>();
        let definitions = Definitions::parse(&texts, &self.parameters, &session()).await;
        definitions.map_err(|mut refusals| refusals.remove(0).into())
    }

    /// Accepts definitions when they parse and every signal among all definitions can be planned.
    async fn define(&mut self, text: SourceText) -> Result<()> {
        let definitions = self.definitions(Some(&text)).await?;
        self.plan(&definitions).await?;
        self.texts.push(text);
        Ok(())
    }

    async fn plan(&self, definitions: &Definitions) -> Result<Vec<Signal>> {
        let streams = self.connect_all(definitions)?.into_iter().map(|(stream, _)| stream);
        let planner = Planner::new(streams.collect(), UnitKey::new([7; 16]));
        let planner = planner.with_tables(self.tables(definitions).await?);
        let mut signals = Vec::new();
        for definition in &definitions.signals {
            signals.push(planner.plan(definition).await?);
        }
        Ok(signals)
    }

    /// Reads the tables whose columns are known.
    async fn tables(&self, definitions: &Definitions) -> Result<Vec<Table>> {
        let mut tables = Vec::new();
        for definition in &definitions.tables {
            let (stream, source) = self.connect(definition)?;
            let (batches, _) = source.read_whole().await.map_err(Failure::of)?;
            let rows = concat_batches(&stream.schema, &batches).map_err(Failure::of)?;
            tables.push(Table { definition: stream.definition, rows });
        }
        Ok(tables)
    }

    fn landing(&self, stream: &StreamDefinition) -> PathBuf {
        self.folder.path().join(&stream.path.value)
    }

    /// Connects the streams whose columns are known: declared, or fed.
    fn connect_all(&self, definitions: &Definitions) -> Result<Vec<(Stream, Source)>> {
        let is_known = |stream: &&StreamDefinition| {
            stream.contract.declared.is_some() || self.columns.contains_key(&stream.contract.name)
        };
        definitions.streams.iter().filter(is_known).map(|stream| self.connect(stream)).collect()
    }

    fn connect(&self, definition: &StreamDefinition) -> Result<(Stream, Source)> {
        std::fs::create_dir_all(self.landing(definition)).map_err(Failure::of)?;
        let mut contract = definition.contract.clone();
        if contract.declared.is_none() {
            contract.declared = self.columns.get(&contract.name).map(RecordBatch::schema);
        }
        let format = definition.format.as_ref().map(|format| format.value.as_str());
        let source = Source::connect(&contract, &definition.path.value, format, self.folder.path());
        let source = source.map_err(Failure::of)?;
        Ok((Stream { definition: definition.clone(), schema: Arc::clone(source.schema()) }, source))
    }

    async fn feed(&mut self, stream: String, rows: Rows) -> Result<u64> {
        let definitions = self.definitions(None).await?;
        let definition = find(&definitions, &stream)?;
        let batch = match &rows {
            Rows::Generated { seed, rows } => generate(*seed, *rows)?,
            Rows::Select(query) => evaluate(query).await?,
            Rows::Values(query) => {
                let batch = evaluate(query).await?;
                match &definition.contract.declared {
                    Some(_) => cast_to(&batch, &self.connect(definition)?.0.schema)?,
                    None => batch,
                }
            }
        };
        let count = batch.num_rows() as u64;
        if definitions.tables.iter().any(|table| table.name.value == stream) {
            // Tables are read when signals are planned, so their rows are there at once.
            self.land(definition, &batch)?;
            return Ok(count);
        }
        self.columns.entry(stream.clone()).or_insert_with(|| batch.slice(0, 0));
        self.fed.push((stream, batch));
        Ok(count)
    }

    /// Delivers what was fed, in this project's mode, and drains to `end`.
    async fn run_to(&mut self, end: InputEnd) -> Result<()> {
        let definitions = self.definitions(None).await?;
        let mut engine = self.open(&definitions).await?;
        for (stream, batch) in std::mem::take(&mut self.fed) {
            let definition = find(&definitions, &stream)?;
            for file in self.mode.files(&batch, definition.contract.tenant.as_deref())? {
                self.land(definition, &file)?;
                if self.mode == Mode::Restarted {
                    engine = self.open(&definitions).await?;
                }
                if self.mode != Mode::Whole {
                    self.drain(&mut engine, InputEnd::Pause).await?;
                }
            }
        }
        self.drain(&mut engine, end).await?;
        let released = Released::read(&self.folder.path().join("released"))?;
        self.released.lock().unwrap_or_else(PoisonError::into_inner).push(released);
        Ok(())
    }

    fn land(&mut self, stream: &StreamDefinition, rows: &RecordBatch) -> Result<()> {
        let format = stream.format.as_ref().map_or("parquet", |format| format.value.as_str());
        let path = self.landing(stream).join(format!("{:06}.{format}", self.files));
        self.files += 1;
        write(&path, format, rows)
    }

    async fn open(&mut self, definitions: &Definitions) -> Result<Engine> {
        let signals = self.plan(definitions).await?;
        let mut inputs = Vec::new();
        for (stream, source) in self.connect_all(definitions)? {
            inputs.push(StreamInput {
                contract: stream.definition.contract,
                source: Arc::new(source),
                budget: Spend { rho_nano: 1_000_000_000_000, delta_atto: 1_000_000_000_000_000 },
            });
        }
        let store = Store::open_local(self.folder.path()).map_err(Failure::of)?;
        self.runs += 1;
        let run_id = format!("run{}", self.runs);
        Engine::open(store, inputs, signals, Limits::default(), run_id).await.map_err(Failure::of)
    }

    async fn drain(&mut self, engine: &mut Engine, end: InputEnd) -> Result<()> {
        let summary = engine.drain(end, &|_| {}).await.map_err(Failure::of)?;
        for (name, signal) in summary.signals {
            *self.accounts.entry(name.clone()).or_default() += signal.rows;
            self.withheld.insert(name, signal.withheld);
        }
        Ok(())
    }

    async fn query(&self, text: &str) -> Result<DBOutput<Column>> {
        let session = self.readers_session().await?;
        let failure = |error| Failure::of_query(text, &error);
        let answer = session.sql(text).await.map_err(failure)?;
        let schema = Arc::clone(answer.schema().inner());
        rows(&schema, &answer.collect().await.map_err(failure)?)
    }

    /// What a reader sees: `released.<signal>`, and `local.<signal>`.
    async fn readers_session(&self) -> Result<SessionContext> {
        let session = query_session();
        for scope in Scope::ALL {
            if let Some(catalog) = session.catalog("datafusion") {
                catalog.register_schema(scope.folder(), Arc::new(MemorySchemaProvider::new())).map_err(Failure::of)?;
            }
        }
        for signal in self.plan(&self.definitions(None).await?).await? {
            let scope = signal.definition.scope.folder();
            let name = TableReference::partial(scope, signal.name());
            let folder = self.folder.path().join(format!("{scope}/signal={}", signal.name()));
            let files = Released::read(&folder)?.0.into_keys().map(|file| folder.join(file).display().to_string());
            let files = files.collect::<Vec<_>>();
            let table = if files.is_empty() {
                Arc::new(EmptyTable::new(signal.cut.output_schema()))
            } else {
                let released = session.read_parquet(files, ParquetReadOptions::default()).await;
                released.map_err(Failure::of)?.into_view()
            };
            session.register_table(name, table).map_err(Failure::of)?;
        }
        Ok(session)
    }

    fn account(&self, signal: &str) -> DBOutput<Column> {
        let account = self.accounts.get(signal).copied().unwrap_or_default();
        let RowAccount { read, aggregated, filtered, late, rejected, duplicate } = account;
        counts(&[read, aggregated, filtered, late, rejected, duplicate])
    }
}

fn find<'a>(definitions: &'a Definitions, stream: &str) -> Result<&'a StreamDefinition> {
    let mut all = definitions.streams.iter().chain(&definitions.tables);
    let found = all.find(|definition| definition.name.value == stream);
    found.ok_or_else(|| Failure::new(format!("there is no stream {stream} to feed")))
}

async fn evaluate(query: &str) -> Result<RecordBatch> {
    let session = query_session();
    let failure = |error| Failure::of_query(query, &error);
    let answer = session.sql(query).await.map_err(failure)?;
    let schema = Arc::clone(answer.schema().inner());
    concat_batches(&schema, &answer.collect().await.map_err(failure)?).map_err(Failure::of)
}

fn generate(seed: u64, rows: u64) -> Result<RecordBatch> {
    let config = Config { seed, rows, days: 2, tenants: 3, users: 60, ..Config::default() };
    let generator = Generator::new(config).map_err(Failure::of)?;
    let batches = (0..generator.chunks()).map(|chunk| generator.decisions(chunk).map_err(Failure::of));
    let batches = batches.collect::<Result<Vec<_>>>()?;
    concat_batches(&batches[0].schema(), &batches).map_err(Failure::of)
}

impl DB for Project {
    type Error = Failure;
    type ColumnType = Column;

    fn run(&mut self, text: &str) -> Result<DBOutput<Column>> {
        let runtime = Arc::clone(&self.runtime);
        runtime.block_on(self.execute(text))
    }

    fn engine_name(&self) -> &str {
        self.mode.name()
    }
}
