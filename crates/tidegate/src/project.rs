//! What does a project's folder hold, and how is it made ready to run?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::compute::concat_batches;
use datafusion::error::DataFusionError;
use tidegate_algebra::{Pool, UnitKey, session};
use tidegate_keyring::Keyring;
use tidegate_ledger::{Spend, Store, StoreUrl};
use tidegate_privacy::{Allowance, Cost};
use tidegate_signal::{
    DQ_RESULTS, Definitions, Derived, Planner, SCHEMA_DRIFT, Scope, Shown, Signal, SignalDefinition, SourceText,
    Stream, StreamDefinition, Table,
};
use tidegate_source::{Remote, Source};
use tidegate_stream::{
    Engine, Limits, StreamInput, derived_schema, dq_results_schema, released_schema, schema_drift_schema, table_schema,
};

use crate::admit::admit;
use crate::cli;
use crate::config::Config;
use crate::contracts::{self, Contracts};
use crate::failure::{Failure, Result, Snippet};
use crate::secret;
use crate::storage::{self, Root};

/// A project whose definitions are read and whose streams are connected.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) root: Root,
    pub(crate) config: Config,
    pub(crate) definitions: Definitions,
    pub(crate) contracts: Contracts,
    pub(crate) inputs: Vec<(Stream, Arc<Source>)>,
    pub(crate) tables: Vec<Table>,
}

impl Project {
    /// Reads the project in a folder.
    pub(crate) async fn load(place: &cli::Place) -> Result<Self> {
        Self::load_with(place, false).await
    }

    /// Reads the project in a folder; the folders of its streams may come later.
    pub(crate) async fn load_to_follow(place: &cli::Place) -> Result<Self> {
        Self::load_with(place, true).await
    }

    async fn load_with(place: &cli::Place, may_come_later: bool) -> Result<Self> {
        let folder = place.project.as_path();
        let config = Config::read(folder)?;
        let texts = read_sql(folder)?;
        let parameters = config.parameters(&place.parameters);
        let mut definitions = Definitions::parse(&texts, &parameters, &session()).await?;
        let contracts = Contracts::read(folder, &config, &mut definitions)?;
        let root = storage::root_of(place, &config)?;
        if root.folder().is_none() {
            root.plain()?.reach().await?;
        }
        let mut landing = Landing::of(folder, &root);
        let mut inputs = Vec::new();
        for stream in &definitions.streams {
            inputs.push(connect(stream, &mut landing, &config.limits(), may_come_later)?);
        }
        let mut tables = Vec::new();
        for table in &definitions.tables {
            tables.push(read_table(table, &mut landing, &config.limits()).await?);
        }
        Ok(Self { root, config, definitions, contracts, folder: folder.to_owned(), inputs, tables })
    }

    /// Plans every signal; units are hashed under `key`.
    pub(crate) async fn plan(&self, key: UnitKey) -> Result<Vec<Signal>> {
        let planner = self.planner(key)?;
        let mut signals = Vec::new();
        let mut refusals = Vec::new();
        for definition in &self.definitions.signals {
            match planner.plan(definition).await {
                Ok(signal) => signals.push(signal),
                Err(refusal) => refusals.push(refusal),
            }
        }
        if refusals.is_empty() { Ok(signals) } else { Err(refusals.into()) }
    }

    /// Plans the signals over what `signals` release, each after those that it reads.
    pub(crate) async fn derive(&self, signals: &[Signal]) -> Result<Vec<Derived>> {
        let planner = self.planner(no_key())?;
        let columns = table_schema(&schema_drift_schema()?);
        let drift = Shown { columns, scope: Scope::Global, guarded: false };
        let quality = Shown { columns: table_schema(&dq_results_schema()?), scope: Scope::Global, guarded: false };
        let mut tables = BTreeMap::from([(SCHEMA_DRIFT.to_owned(), drift), (DQ_RESULTS.to_owned(), quality)]);
        for signal in signals {
            let (columns, scope) = (table_schema(&released_schema(signal)?), signal.definition.scope);
            tables.insert(signal.name().to_owned(), Shown { columns, scope, guarded: signal.is_guarded() });
        }
        let mut waiting = self.definitions.derived.iter().collect::<Vec<_>>();
        let mut derived = Vec::new();
        loop {
            let (count, mut refusals, mut left) = (waiting.len(), Vec::new(), Vec::new());
            for definition in waiting {
                match planner.derive(definition, &tables).await {
                    Ok(signal) => {
                        let (columns, scope) = (table_schema(&derived_schema(&signal)?), definition.scope);
                        let guarded = signal.guarded && scope == Scope::Internal;
                        tables.insert(signal.name().to_owned(), Shown { columns, scope, guarded });
                        derived.push(signal);
                    }
                    // What it reads may be planned next.
                    Err(refusal) => {
                        refusals.push(refusal);
                        left.push(definition);
                    }
                }
            }
            if left.is_empty() {
                return Ok(derived);
            }
            if left.len() == count {
                return Err(refusals.into());
            }
            waiting = left;
        }
    }

    fn planner(&self, key: UnitKey) -> Result<Planner> {
        let pool = Pool::of(self.config.limits().pool_bytes).map_err(|error| {
            Failure::infrastructure("TG500", error.to_string(), "give this user a folder for temporary files")
        })?;
        let planner = Planner::new(self.inputs.iter().map(|(stream, _)| stream.clone()).collect(), key);
        Ok(planner.with_pool(pool).with_tables(self.tables.clone()))
    }

    /// Plans a query that is run once. The project gets its key, if it has none and the query can be planned.
    pub(crate) async fn plan_once(&self, definition: &SignalDefinition) -> Result<Signal> {
        self.plan_once_to_look_at(definition).await?;
        let key = secret::load_or_create(&self.store()?, &self.root).await?;
        Ok(self.planner(key)?.plan(definition).await?)
    }

    /// Plans a query that is run once, to look at it.
    pub(crate) async fn plan_once_to_look_at(&self, definition: &SignalDefinition) -> Result<Signal> {
        let key = self.known_key().await?;
        Ok(self.planner(key.unwrap_or_else(no_key))?.plan(definition).await?)
    }

    /// Plans every signal to look at: with the project's key if there is one, without making one.
    pub(crate) async fn plan_to_look_at(&self) -> Result<Vec<Signal>> {
        let key = self.known_key().await?;
        self.plan(key.unwrap_or_else(no_key)).await
    }

    /// The project's key, if it has one already.
    async fn known_key(&self) -> Result<Option<UnitKey>> {
        if self.root.exists() { secret::load(&self.store()?).await } else { Ok(None) }
    }

    /// What may be spent of the privacy of one unit of a stream on one day: as the stream says, or else the project.
    pub(crate) fn allowance_of(&self, stream: &StreamDefinition) -> Allowance {
        stream.budget.unwrap_or_else(|| self.config.privacy.allowance())
    }

    /// The same in the currency of the budget.
    pub(crate) fn budget_of(&self, stream: &StreamDefinition) -> Spend {
        cap_of(self.allowance_of(stream))
    }

    /// The project's store.
    pub(crate) fn store(&self) -> Result<Store> {
        self.root.create()?;
        storage::open(&self.root, &self.config)
    }

    /// The streams, whose rows pass what their contracts say before anybody sees them. A project gets its keys, if it has none.
    pub(crate) async fn guarded(&self) -> Result<Vec<(Stream, Arc<Source>)>> {
        if self.contracts.is_empty() {
            return Ok(self.inputs.clone());
        }
        let keyring = self.keyring().await?;
        let guarded = self.inputs.iter().map(|(stream, source)| {
            let source = self.contracts.guarded(&stream.definition, source, &keyring)?;
            Ok((stream.clone(), Arc::new(source)))
        });
        guarded.collect()
    }

    /// The keys of tenants.
    pub(crate) async fn keyring(&self) -> Result<Arc<Keyring>> {
        let keyring = contracts::keyring(&self.folder, &self.config.keys, &self.store()?, &self.root).await?;
        Ok(Arc::new(keyring))
    }

    /// An engine over the project's log, ready to drain.
    pub(crate) async fn engine(&self, run_id: String) -> Result<Engine> {
        // Before a new project gets its key: a mistake in a definition must leave nothing behind.
        let is_new = self.known_key().await?.is_none();
        let looked_at = self.plan_to_look_at().await?;
        admit(self, &looked_at)?;
        self.derive(&looked_at).await?;
        let store = self.store()?;
        let key = secret::load_or_create(&store, &self.root).await?;
        let signals = if is_new { self.plan(key).await? } else { looked_at };
        let guarded = self.guarded().await?.into_iter();
        let streams = guarded.map(|(stream, source)| StreamInput {
            budget: self.budget_of(&stream.definition),
            contract: stream.definition.contract,
            source,
        });
        let derived = self.derive(&signals).await?;
        let engine = Engine::open(store, streams.collect(), signals, self.config.limits(), run_id).await?;
        Ok(engine.with_derived(derived))
    }
}

/// What an allowance allows, in the currency of the budget; nothing when it is none.
pub(crate) fn cap_of(allowance: Allowance) -> Spend {
    let Cost { rho_nano, delta_atto } = allowance.cap().unwrap_or_default();
    Spend { rho_nano, delta_atto }
}

/// Stands for the key of a project that has none, where nothing is hashed.
fn no_key() -> UnitKey {
    UnitKey::new([0; 16])
}

/// What a project's SQL defines, whether or not there is anything to read.
pub(crate) async fn defined(place: &cli::Place, config: &Config) -> Result<Definitions> {
    let texts = read_sql(&place.project)?;
    Ok(Definitions::parse(&texts, &config.parameters(&place.parameters), &session()).await?)
}

/// The SQL files of a project: everything below `sql/`, in order of their paths.
fn read_sql(folder: &Path) -> Result<Vec<SourceText>> {
    if !folder.is_dir() {
        let cause = format!("there is no folder {}", folder.display());
        return Err(Failure::usage("TG300", cause, "name a project's folder with --project"));
    }
    let sql = folder.join("sql");
    let mut paths = Vec::new();
    if sql.is_dir() {
        collect_sql(&sql, &mut paths)?;
    }
    paths.sort();
    if paths.is_empty() {
        let cause = format!("{} is not a project: it has no SQL file below sql/", folder.display());
        return Err(Failure::usage("TG300", cause, "start one with `tidegate init`, or name another with --project"));
    }
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read", path.display(), &error))?;
            let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
            Ok(SourceText::new(name, text))
        })
        .collect()
}

fn collect_sql(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let fail = |error: std::io::Error| Failure::io("list", folder.display(), &error);
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            collect_sql(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Where the files of streams are looked for. A path is a URL or absolute, or else relative to the project's folder, or to
/// the root if that is a bucket: there nothing but definitions lies in the folder.
pub(crate) struct Landing<'a> {
    project: &'a Path,
    root: &'a Root,
    /// The stores that are open, by their URL.
    opened: BTreeMap<String, Remote>,
}

impl<'a> Landing<'a> {
    pub(crate) fn of(project: &'a Path, root: &'a Root) -> Self {
        Self { project, root, opened: BTreeMap::new() }
    }

    fn source(&mut self, definition: &StreamDefinition, may_come_later: bool) -> Result<Source> {
        let format = definition.format.as_ref().map(|format| format.value.as_str());
        let (contract, path) = (&definition.contract, definition.path.value.as_str());
        let explain = |error| explain(definition, &error);
        if let Some((url, path)) =
            self.in_bucket(path).map_err(|failure| failure.at(Snippet::of(&definition.path.place)))?
        {
            let remote = self.open(&url)?;
            let open = if may_come_later { Source::expect_remote } else { Source::connect_remote };
            return open(contract, &path, format, &remote).map_err(explain);
        }
        let folder = StoreUrl::folder(path)?;
        let open = if may_come_later { Source::expect } else { Source::connect };
        open(contract, folder.as_deref().unwrap_or(path), format, self.project).map_err(explain)
    }

    /// The store that a path leads into, and the path there; none for a path on a disk.
    fn in_bucket(&self, path: &str) -> Result<Option<(StoreUrl, String)>> {
        if StoreUrl::is_url(path) && StoreUrl::folder(path)?.is_none() {
            let url = path.parse::<StoreUrl>()?;
            return Ok(Some((url.bucket().parse()?, url.prefix().to_owned())));
        }
        Ok(match self.root {
            Root::Bucket(root) if !StoreUrl::is_url(path) && Path::new(path).is_relative() => {
                Some((root.clone(), path.to_owned()))
            }
            _ => None,
        })
    }

    fn open(&mut self, url: &StoreUrl) -> Result<Remote> {
        let name = url.to_string();
        if let Some(remote) = self.opened.get(&name) {
            return Ok(remote.clone());
        }
        let remote = storage::remote(url)?;
        self.opened.insert(name, remote.clone());
        Ok(remote)
    }
}

pub(crate) fn connect(
    definition: &StreamDefinition,
    landing: &mut Landing<'_>,
    limits: &Limits,
    may_come_later: bool,
) -> Result<(Stream, Arc<Source>)> {
    let source = landing.source(definition, may_come_later)?.with_budget(limits.waiting_bytes as u64);
    let source = match contracts::adapt(landing.project, definition, source.format())? {
        Some(adapt) => source.adapting(adapt),
        None => source,
    };
    let schema = Arc::clone(source.schema());
    let missing = |column: &Option<String>| column.clone().filter(|name| schema.field_with_name(name).is_err());
    if let Some(unit) = missing(&definition.contract.privacy_unit) {
        let cause = format!("stream `{}` has no column `{unit}`, its privacy unit", definition.name.value);
        let failure = Failure::privacy("TG206", cause, "name the column that identifies a person");
        return Err(failure.at(Snippet::of(&definition.name.place)));
    }
    if let Some(tenant) = missing(&definition.contract.tenant) {
        let cause = format!("stream `{}` has no column `{tenant}`, its tenant", definition.name.value);
        let failure = Failure::usage("TG313", cause, "name the column that says whose row it is");
        return Err(failure.at(Snippet::of(&definition.name.place)));
    }
    if let Some(column) = missing(&definition.contract.learning_scope) {
        let cause = format!("stream `{}` has no column `{column}`, its learning scope", definition.name.value);
        let failure = Failure::privacy("TG206", cause, "name the column that says how far a row may be learnt from");
        return Err(failure.at(Snippet::of(&definition.name.place)));
    }
    let keys = definition.contract.dedupe.iter().flat_map(|dedupe| &dedupe.columns);
    if let Some(key) = keys.cloned().find_map(|column| missing(&Some(column))) {
        let cause = format!("stream `{}` has no column `{key}`, part of its dedupe_key", definition.name.value);
        let failure = Failure::usage("TG313", cause, "name columns that tell one row from another");
        return Err(failure.at(Snippet::of(&definition.name.place)));
    }
    Ok((Stream { definition: definition.clone(), schema }, Arc::new(source)))
}

/// Reads a table whole: with a row less its signals would say something else without a word.
async fn read_table(definition: &StreamDefinition, landing: &mut Landing<'_>, limits: &Limits) -> Result<Table> {
    let (stream, source) = connect(definition, landing, limits, false)?;
    let (batches, rejected) = source.read_whole().await.map_err(|error| explain(definition, &error))?;
    if let Some(first) = rejected.first() {
        let cause = format!("table `{}` cannot be read whole: {first}", definition.name.value);
        let failure = Failure::infrastructure("TG314", cause, "correct the file, or declare columns that fit it");
        return Err(failure.at(Snippet::of(&definition.path.place)));
    }
    let rows = concat_batches(&stream.schema, &batches).map_err(|error| Failure::from(DataFusionError::from(error)))?;
    Ok(Table { definition: stream.definition, rows })
}

/// A stream that cannot be connected, pointed at the option that is wrong.
fn explain(definition: &StreamDefinition, error: &tidegate_source::Error) -> Failure {
    use tidegate_source::Error;
    const STORE: &str = "check the bucket, the credentials and the endpoint in the environment";
    let text = error.to_string();
    // The library's messages end in a remedy: `cause: remedy`.
    let (cause, fix) = text.rsplit_once(": ").unwrap_or((&text, "correct the stream's options"));
    let path = &definition.path.place;
    let (failure, place) = match error {
        Error::PathMissing { .. } => (Failure::infrastructure("TG310", cause, fix), path),
        Error::Unlistable { .. } if text.contains("://") => (Failure::infrastructure("TG310", &text, STORE), path),
        Error::Unlistable { .. } => (Failure::infrastructure("TG310", &text, "check the folder's permissions"), path),
        Error::Unreadable { .. } => (Failure::infrastructure("TG310", &text, STORE), path),
        Error::NoColumns { stream, files } => {
            let cause = format!(
                "stream `{stream}` has no columns: none are declared, and none of its {files} files can be read"
            );
            let fix = "declare them, CREATE STREAM name (column TYPE, ...), or land a readable file";
            (Failure::infrastructure("TG311", cause, fix), path)
        }
        Error::UnknownFormat { .. } => {
            let place = definition.format.as_ref().map_or(path, |format| &format.place);
            (Failure::usage("TG312", cause, fix), place)
        }
        Error::NoEventTime { stream, column, available, suggestion } => {
            let fix = match suggestion {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("its columns are {}", available.join(", ")),
            };
            let place = definition.event_time_place.as_ref().unwrap_or(path);
            (Failure::usage("TG313", format!("stream `{stream}` has no column `{column}`"), fix), place)
        }
        Error::EventTimeNotATime { .. } => {
            (Failure::usage("TG313", cause, fix), definition.event_time_place.as_ref().unwrap_or(path))
        }
        Error::BadGlob { .. } => (Failure::usage("TG312", &text, "correct the pattern"), path),
        _ => (Failure::usage("TG312", cause, fix), path),
    };
    failure.at(Snippet::of(place))
}
