//! What does `tidegate.toml` say?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tidegate_privacy::Allowance;
use tidegate_signal::{Parameter, nearest};
use tidegate_stream::Limits;

use crate::failure::{Failure, Result, Snippet};

/// The settings of a project. Every one has a default, and the file itself may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// About how much memory a run may take, as in `512 MiB`.
    pub(crate) memory: Option<Memory>,
    pub(crate) storage: Storage,
    pub(crate) params: BTreeMap<String, toml::Value>,
    pub(crate) epoch: Epoch,
    pub(crate) privacy: Privacy,
    pub(crate) encryption: Encryption,
    pub(crate) promotion: Promotion,
    pub(crate) keys: Keys,
    pub(crate) serve: Serve,
    pub(crate) evidence: Evidence,
    pub(crate) learning: Learning,
    pub(crate) lineage: Lineage,
}

/// Whose rows are taken.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Learning {
    /// The regions whose rows may be kept here; all of them when empty.
    pub(crate) regions: Vec<String>,
}

/// What becomes of texts that a contract sends to the evidence store.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Evidence {
    /// They are kept, encrypted; otherwise they are dropped.
    pub(crate) keep: bool,
    /// For how many days.
    pub(crate) days: i64,
    /// What they may be read for.
    pub(crate) purposes: Vec<String>,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { keep: false, days: 30, purposes: Vec::new() }
    }
}

/// What `tidegate serve` listens on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Serve {
    /// Where Arrow Flight and OTLP over gRPC are taken.
    pub(crate) grpc: Option<SocketAddr>,
    /// Where OTLP over HTTP is taken.
    pub(crate) http: Option<SocketAddr>,
    /// How spans and logs become rows: a mapping that comes with Tidegate, or a file, relative to the project.
    pub(crate) mapping: Option<String>,
    /// An environment variable with the token that every call must show.
    pub(crate) token_env: Option<String>,
    /// The certificate of this server as PEM, relative to the project.
    pub(crate) certificate_file: Option<PathBuf>,
    /// Its private key.
    pub(crate) key_file: Option<PathBuf>,
    /// Who signs the certificates that clients must have.
    pub(crate) client_authority_file: Option<PathBuf>,
    /// For how long rows wait for others to share a file with, and their sender for an answer, in milliseconds.
    pub(crate) flush_ms: Option<NonZeroU32>,
}

/// Where the keys are under which tokens and evidence of tenants are made. Without any, a master key is made and kept below
/// `keys/` in the store.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Keys {
    /// A file with the master key, relative to the project.
    pub(crate) master_file: Option<PathBuf>,
    /// An environment variable with the master key.
    pub(crate) master_env: Option<String>,
    /// A file with a key for each tenant, relative to the project.
    pub(crate) tenants_file: Option<PathBuf>,
    /// An environment variable with a key for each tenant.
    pub(crate) tenants_env: Option<String>,
}

/// Who hears what was made of what. Nobody, unless it is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Lineage {
    /// `files`, or the URL of a catalogue that takes OpenLineage events.
    pub(crate) to: Option<String>,
    /// Under which namespace signals are jobs.
    pub(crate) namespace: Option<String>,
    /// An environment variable with the token that the catalogue asks for.
    pub(crate) token_env: Option<String>,
}

/// How a rollout keeps time.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Promotion {
    /// For rehearsals: acts may be dated by `--at`. Otherwise freezes and expiries could be dated away.
    pub(crate) simulated_time: bool,
}

/// Bytes, written with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Memory(pub(crate) usize);

impl TryFrom<String> for Memory {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const SHAPE: &str = "memory is written with a unit, as in \"512 MiB\", and is at least 64 MiB";
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text[digits.len()..].trim() {
            "MiB" | "MB" => 1 << 20,
            "GiB" | "GB" => 1 << 30,
            _ => return Err(SHAPE),
        };
        let count = digits.trim().parse::<usize>().map_err(|_| SHAPE)?;
        count.checked_mul(unit).filter(|&bytes| bytes >= 64 << 20).map(Self).ok_or(SHAPE)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Storage {
    /// Where state, log and released files lie: a folder, relative to the file, or a URL.
    pub(crate) root: Option<PathBuf>,
}

/// Where the key is under which private files are encrypted. Without either they are not.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Encryption {
    /// A file, relative to the project.
    pub(crate) key_file: Option<PathBuf>,
    /// An environment variable.
    pub(crate) key_env: Option<String>,
}

/// What may be spent of the privacy of one person on one day, by all signals and queries together.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Privacy {
    pub(crate) epsilon: f64,
    pub(crate) delta: f64,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { epsilon: 6.0, delta: 1e-6 }
    }
}

impl Privacy {
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance { epsilon: self.epsilon, delta: self.delta }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Epoch {
    /// Mebibytes of Arrow memory after which an epoch ends.
    pub(crate) max_mib: Option<usize>,
    /// Files after which an epoch ends.
    pub(crate) max_files: Option<usize>,
    /// Threads for reading and aggregating.
    pub(crate) threads: Option<usize>,
}

impl Config {
    pub(crate) const FILE: &str = "tidegate.toml";

    /// Reads the file in `folder`, or gives the defaults when there is none.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(Self::FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::io("read", path.display(), &error)),
        };
        let mut config = toml::from_str::<Self>(&text).map_err(|error| invalid(&path, &text, &error))?;
        config.encryption.key_file = config.encryption.key_file.map(|file| folder.join(file));
        if let Err(error) = config.privacy.allowance().cap() {
            let fix = "write [privacy] epsilon = 6.0, delta = 1e-6";
            return Err(Failure::usage("TG301", format!("[privacy] is no budget: {error}"), fix));
        }
        for (name, value) in &config.params {
            if parameter(value).is_none() {
                let cause = format!("parameter `{name}` is neither text, number nor truth value");
                return Err(Failure::usage("TG301", cause, "write name = \"text\", name = 1 or name = true"));
            }
        }
        Ok(config)
    }

    /// The parameters for SQL, those given on the command line first.
    pub(crate) fn parameters(&self, given: &[(String, String)]) -> BTreeMap<String, Parameter> {
        let declared = self.params.iter().filter_map(|(name, value)| Some((name.clone(), parameter(value)?)));
        let given = given.iter().map(|(name, value)| (name.clone(), Parameter::from_argument(value)));
        declared.chain(given).collect()
    }

    pub(crate) fn limits(&self) -> Limits {
        let defaults = self.memory.map_or_else(Limits::default, |memory| Limits::within(memory.0));
        Limits {
            max_bytes: self.epoch.max_mib.map_or(defaults.max_bytes, |mib| mib.max(1).saturating_mul(1 << 20)),
            max_files: self.epoch.max_files.map_or(defaults.max_files, |files| files.max(1)),
            threads: self.epoch.threads.map_or(defaults.threads, |threads| threads.max(1)),
            ..defaults
        }
    }
}

fn parameter(value: &toml::Value) -> Option<Parameter> {
    match value {
        toml::Value::String(text) => Some(Parameter::Text(text.clone())),
        toml::Value::Integer(number) => Some(Parameter::Number(number.to_string())),
        toml::Value::Float(number) => Some(Parameter::Number(number.to_string())),
        toml::Value::Boolean(value) => Some(Parameter::Boolean(*value)),
        _ => None,
    }
}

fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> Failure {
    const FIELDS: [&str; 38] = [
        "memory",
        "storage",
        "root",
        "params",
        "epoch",
        "max_mib",
        "max_files",
        "threads",
        "privacy",
        "epsilon",
        "delta",
        "encryption",
        "key_file",
        "key_env",
        "promotion",
        "simulated_time",
        "keys",
        "master_file",
        "master_env",
        "tenants_file",
        "tenants_env",
        "serve",
        "grpc",
        "http",
        "mapping",
        "token_env",
        "certificate_file",
        "client_authority_file",
        "flush_ms",
        "evidence",
        "keep",
        "days",
        "purposes",
        "learning",
        "regions",
        "lineage",
        "to",
        "namespace",
    ];
    let cause = error.message().lines().next().unwrap_or("not valid TOML").to_owned();
    let unknown = cause.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let fix = match unknown.and_then(|name| nearest(name, FIELDS)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "the settings are listed in docs/sql.md under tidegate.toml".to_owned(),
    };
    let failure = Failure::usage("TG301", cause, fix);
    match error.span() {
        Some(span) => failure.at(Snippet::new(path.display().to_string(), text.to_owned(), span)),
        None => failure,
    }
}
