//! Under which contracts do a project's streams stand, and whose keys redact their rows?

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tidegate_contract::{DataContract, IngestPolicy, shipped};
use tidegate_intake::{Door, MappedFiles};
use tidegate_keyring::{Keyring, Limits, MasterKey};
use tidegate_ledger::Store;
use tidegate_otlp::{Mapper, Mapping, Stream};
use tidegate_redact::Redactor;
use tidegate_scope::{Home, Rules, Scoper, Tenants};
use tidegate_signal::{Definitions, StreamDefinition, nearest};
use tidegate_source::{Adapt, Format, Source};

use crate::config::{Config, Keys};
use crate::failure::{Failure, Result, Snippet};
use crate::secret;
use crate::storage::Root;

/// Where the key lies under which those of tenants are wrapped, if the settings name none.
const MASTER: &str = "keys/master.key";

/// The contracts of streams, by the streams' names.
#[derive(Debug, Default)]
pub(crate) struct Contracts {
    of: BTreeMap<String, Arc<DataContract>>,
    /// How far rows may be learnt from, where the project says.
    scoper: Option<Arc<Scoper>>,
}

impl Contracts {
    /// Reads the contracts that streams name, and puts each stream under its own. Files are relative to `folder`.
    pub(crate) fn read(folder: &Path, config: &Config, definitions: &mut Definitions) -> Result<Self> {
        let mut contracts = BTreeMap::new();
        for stream in &mut definitions.streams {
            let Some(named) = stream.data_contract.clone() else { continue };
            let contract =
                contract_of(folder, &named.value).map_err(|failure| failure.at(Snippet::of(&named.place)))?;
            *stream = stream.clone().under(&contract)?;
            contracts.insert(stream.name.value.clone(), Arc::new(contract));
        }
        Ok(Self { of: contracts, scoper: scoper(folder, config)? })
    }

    /// The contract of a stream.
    pub(crate) fn of(&self, stream: &str) -> Option<&Arc<DataContract>> {
        self.of.get(stream)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// What the rows of a stream must pass.
    pub(crate) fn door(&self, stream: &StreamDefinition, keyring: &Arc<Keyring>) -> Result<Option<Door>> {
        let Some(contract) = self.of(&stream.name.value) else { return Ok(None) };
        let door = Door::new(Arc::clone(contract));
        let door = match &self.scoper {
            Some(scoper) if contract.column("learning_scope").is_some() => {
                scoper.check(&contract.schema()).map_err(|error| unscoped(&error))?;
                door.scoping(Arc::clone(scoper))
            }
            _ => door,
        };
        if Door::policies(contract).all(|(_, policy)| policy == IngestPolicy::Keep) {
            return Ok(Some(door));
        }
        let needs_key = |policy| matches!(policy, IngestPolicy::Tokenize | IngestPolicy::Evidence);
        let Some(tenant) = &stream.contract.tenant else {
            if !Door::policies(contract).any(|(_, policy)| needs_key(policy)) {
                let redactor = Redactor::without_tenants(Door::policies(contract), Arc::clone(keyring));
                return Ok(Some(door.redacting(Arc::new(redactor), [])));
            }
            let cause = format!(
                "the contract of stream `{}` redacts rows, and the stream does not say whose they are",
                stream.name.value
            );
            let fix = "add tenant = '<column>', or a column tenant_id to the contract";
            return Err(Failure::usage("TG316", cause, fix).at(Snippet::of(&stream.name.place)));
        };
        let user = stream.contract.privacy_unit.as_deref();
        let redactor = Redactor::new(Door::policies(contract), tenant.as_str(), Arc::clone(keyring));
        let redactor = match user {
            Some(user) => redactor.with_user(user),
            None => redactor,
        };
        Ok(Some(door.redacting(Arc::new(redactor), [Some(tenant.as_str()), user].into_iter().flatten())))
    }

    /// The source of a stream, whose rows pass its door.
    pub(crate) fn guarded(&self, stream: &StreamDefinition, source: &Source, keyring: &Arc<Keyring>) -> Result<Source> {
        Ok(match self.door(stream, keyring)? {
            Some(door) => source.clone().admitting(Arc::new(door)),
            None => source.clone(),
        })
    }
}

/// How rows are made of files that hold something else. A mapping of spans over Parquet files is for what arrives, and not for
/// them.
pub(crate) fn adapt(folder: &Path, stream: &StreamDefinition, format: Format) -> Result<Option<Arc<dyn Adapt>>> {
    let otlp = match format {
        Format::OtlpJson => Some(tidegate_otlp::Format::OtlpJson),
        Format::OtlpProto => Some(tidegate_otlp::Format::OtlpProto),
        _ => None,
    };
    let Some(named) = &stream.mapping else {
        if otlp.is_none() {
            return Ok(None);
        }
        let place = stream.format.as_ref().map_or(&stream.name.place, |format| &format.place);
        let cause = format!("files of {format} hold spans, and the stream does not say how they become rows");
        let fix = "add contract = 'decisions', mapping = 'otel-genai'";
        return Err(Failure::usage("TG321", cause, fix).at(Snippet::of(place)));
    };
    let mapping = mapping(folder, &named.value).map_err(|failure| failure.at(Snippet::of(&named.place)))?;
    if otlp.is_none() && !mapping.reads_rows() {
        return Ok(None);
    }
    let contract = stream.data_contract.as_ref().map_or("", |contract| contract.value.as_str());
    let rows = [Stream::Decisions, Stream::Steps, Stream::Labels].into_iter().find(|rows| rows.as_str() == contract);
    let Some(rows) = rows else {
        let cause =
            format!("a mapping makes rows of decisions, decision_steps or labels, and the contract is `{contract}`");
        let fix = "name one of these contracts, and select from the stream what you need";
        return Err(Failure::usage("TG321", cause, fix).at(Snippet::of(&named.place)));
    };
    Ok(Some(Arc::new(MappedFiles::new(Mapper::new(mapping), rows, otlp))))
}

/// What `risk.toml`, `tenants.toml` and the regions in the settings say; nothing without any of them.
fn scoper(folder: &Path, config: &Config) -> Result<Option<Arc<Scoper>>> {
    const FILES: [&str; 2] = ["risk.toml", "tenants.toml"];
    let mut texts = Vec::new();
    for name in FILES {
        let path = folder.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => texts.push(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => texts.push(None),
            Err(error) => return Err(Failure::io("read", path.display(), &error)),
        }
    }
    let regions = &config.learning.regions;
    if texts.iter().all(Option::is_none) && regions.is_empty() {
        return Ok(None);
    }
    let rules = texts[0].as_deref().map(|text| Rules::parse(FILES[0], text)).transpose();
    let tenants = texts[1].as_deref().map(|text| Tenants::parse(FILES[1], text)).transpose();
    let home = if regions.is_empty() { Home::anywhere() } else { Home::of(regions.iter().map(String::as_str)) };
    let rules = rules.map_err(|error| unscoped(&error))?.unwrap_or_default();
    let tenants = tenants.map_err(|error| unscoped(&error))?.unwrap_or_default();
    Ok(Some(Arc::new(Scoper::new(rules, tenants, home))))
}

fn unscoped(error: &tidegate_scope::Error) -> Failure {
    Failure::usage(error.code(), error.to_string(), error.fix())
}

/// A contract that comes with Tidegate, or one in a file.
pub(crate) fn contract_of(folder: &Path, named: &str) -> Result<DataContract> {
    if let Some(contract) = shipped::contract(named) {
        return Ok(contract);
    }
    if !named.contains(['/', '.']) {
        let cause = format!("no contract `{named}` comes with Tidegate");
        let fix = match nearest(named, shipped::STREAMS) {
            Some(name) => {
                format!("did you mean '{name}'? A contract of your own is a file, as in 'contracts/{named}.yaml'")
            }
            None => format!("write one of {}, or a file, as in 'contracts/{named}.yaml'", shipped::STREAMS.join(", ")),
        };
        return Err(Failure::usage("TG315", cause, fix));
    }
    let path = folder.join(named);
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::io("read", path.display(), &error))?;
    parsed(&path.display().to_string(), &text)
}

/// A mapping that comes with Tidegate, or one in a file.
pub(crate) fn mapping(folder: &Path, named: &str) -> Result<Mapping> {
    let refused = |error: tidegate_otlp::Error| Failure::usage(error.code(), error.to_string(), "see docs/mappings.md");
    if !named.contains(['/', '.']) || Mapping::names().any(|name| name == named) {
        return Mapping::shipped(named).map_err(refused);
    }
    let path = folder.join(named);
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::io("read", path.display(), &error))?;
    Mapping::read(&path.display().to_string(), &text).map_err(refused)
}

/// A contract of this text.
pub(crate) fn parsed(file: &str, text: &str) -> Result<DataContract> {
    DataContract::parse(file, text).map_err(|error| {
        let place = error.location().map(|at| format!("{at}: ")).unwrap_or_default();
        let cause = error.to_string();
        let failure = Failure::usage(error.code(), cause.strip_prefix(&place).unwrap_or(&cause), error.help());
        match error.location() {
            Some(at) => failure.at(Snippet::new(at.file.clone(), text.to_owned(), at.offset..at.offset + at.length)),
            None => failure,
        }
    })
}

/// The keys of tenants: given by hand, or kept in the store under the master key. A project that has no master key gets one.
pub(crate) async fn keyring(folder: &Path, keys: &Keys, store: &Store, root: &Root) -> Result<Keyring> {
    if let Some(file) = &keys.tenants_file {
        let path = folder.join(file);
        let table = std::fs::read_to_string(&path).map_err(|error| Failure::io("read", path.display(), &error))?;
        return Ok(Keyring::fixed(&table)?);
    }
    if let Some(variable) = &keys.tenants_env {
        let table = std::env::var(variable).map_err(|_| not_set(variable))?;
        return Ok(Keyring::fixed(&table)?);
    }
    let master = match (&keys.master_file, &keys.master_env) {
        (Some(file), _) => MasterKey::from_file(folder.join(file))?,
        (None, Some(variable)) => MasterKey::from_env(variable)?,
        (None, None) => {
            let secret = secret::kept_or_drawn::<32>(store, root, MASTER).await?;
            secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>().parse()?
        }
    };
    Ok(Keyring::open(store.clone(), master, Limits::default()))
}

fn not_set(variable: &str) -> Failure {
    let cause = format!("the keys of tenants are to be in the environment variable {variable}, and that is not set");
    Failure::infrastructure("TG720", cause, "set it: lines of tenant = \"64 hex digits\"")
}
