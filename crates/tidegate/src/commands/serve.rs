//! `tidegate serve`: rows that arrive over a network are landed as files of their streams.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use tidegate_contract::LANDED;
use tidegate_keyring::Keyring;
use tidegate_land::{Extra, Landing, Options, Producer};
use tidegate_ledger::Store;
use tidegate_otlp::{ContentPolicy, Mapper};
use tidegate_receive::{Limits, Listen, Receiver, Secret, Tls};
use tidegate_signal::StreamDefinition;
use tidegate_source::{Format, Source};
use tidegate_stream::Stop;
use tokio::sync::Mutex;

use crate::cli::Place;
use crate::cli::serve::Serve;
use crate::config;
use crate::contracts::mapping;
use crate::failure::{Failure, Result};
use crate::metrics::{Exporter, Receiving};
use crate::output::print;
use crate::project::Project;
use crate::serve::{Desk, FrontDoor};
use crate::signals::Signals;
use crate::storage::landing_store;

/// Where telemetry is taken unless it is said otherwise: the ports that OTLP has.
const GRPC: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4317);
const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4318);

pub(crate) async fn run(place: &Place, options: &Serve) -> Result<ExitCode> {
    let project = Project::load_to_follow(place).await?;
    let settings = &project.config.serve;
    let (grpc, http) = listeners(&place.project, settings, options)?;
    let mapper = Mapper::new(mapping(&place.project, settings.mapping.as_deref().unwrap_or("otel-genai"))?);
    let store = landing_store(&place.project, &project.root, &project.config)?;
    store.probe().await?;
    let desks = desks(&project, &store).await?;
    if desks.is_empty() {
        let cause = "no stream of this project takes what arrives";
        let fix = "give one path = 'landing/<its name>/' and format = 'parquet', and a contract or declared columns";
        return Err(Failure::usage("TG319", cause, fix));
    }
    let names = desks.keys().cloned().collect::<Vec<_>>().join(", ");
    let own = Producer::new(&format!("otlp-{}", random()?)).map_err(|error| unnamed(&error))?;
    let receiver = Receiver::bind(Some(grpc), Some(http), Limits::default()).await?;
    let addresses = [("grpc", receiver.grpc_address()), ("http", receiver.http_address())];
    for (name, address) in addresses.iter().filter_map(|(name, address)| Some((name, (*address)?))) {
        print(&format!("{name} {address}\n"))?;
    }
    eprintln!("taking {names}; end with Ctrl-C or SIGTERM");
    let shelf = super::vault::shelf(&project).await?;
    let mapper = if shelf.is_some() { mapper.with_content(ContentPolicy::Evidence) } else { mapper };
    let front = Arc::new(FrontDoor { desks, mapper: Arc::new(mapper), shelf, metrics: Receiving::default(), own });
    let registry = || front.metrics.registry(Arc::clone(&front));
    let _exporter = options.metrics.map(|address| Exporter::serve(address, registry())).transpose()?;
    let mut signals = Signals::listen(Stop::default())?;
    receiver.serve(Arc::clone(&front), async move { signals.wait().await }).await?;
    let mut rows = 0;
    for desk in front.desks.values() {
        desk.landing.close().await;
        rows += desk.landing.metrics().rows;
    }
    eprintln!("stopped: {} landed", crate::words::counted(rows, "row"));
    Ok(ExitCode::SUCCESS)
}

/// The streams that take what arrives.
async fn desks(project: &Project, store: &Store) -> Result<BTreeMap<String, Desk>> {
    let keyring = if project.contracts.is_empty() { None } else { Some(project.keyring().await?) };
    let mut desks = BTreeMap::new();
    for (stream, source) in &project.inputs {
        let name = &stream.definition.name.value;
        match desk_of(project, store, keyring.as_ref(), &stream.definition, source)? {
            Some(desk) => drop(desks.insert(name.clone(), desk)),
            None => eprintln!(
                "stream {name} takes nothing: its path is not landing/{name}/, its files are not Parquet, or its columns are not declared"
            ),
        }
    }
    Ok(desks)
}

/// What takes rows of a stream, if its files lie where files are landed and its columns are known. A project with contracts
/// has a keyring.
pub(crate) fn desk_of(
    project: &Project,
    store: &Store,
    keyring: Option<&Arc<Keyring>>,
    definition: &StreamDefinition,
    source: &Source,
) -> Result<Option<Desk>> {
    let name = &definition.name.value;
    let Some(declared) = definition.contract.declared.as_ref().filter(|_| lands(definition, source.format())) else {
        return Ok(None);
    };
    let contract = project.contracts.of(name);
    let door = match keyring {
        Some(keyring) => project.contracts.door(definition, keyring)?,
        None => None,
    };
    let metadata =
        BTreeMap::from([(LANDED.to_owned(), contract.map_or_else(String::new, |contract| contract.label()))]);
    let mut options = Options { extra: Extra::Drop, metadata, ..Options::default() };
    if let Some(flush_ms) = project.config.serve.flush_ms {
        options.flush_after = Duration::from_millis(u64::from(flush_ms.get()));
    }
    let nullable = declared.fields().iter().map(|field| landed_field(field).with_nullable(true));
    let schema = Arc::new(Schema::new(nullable.collect::<Vec<_>>()));
    let landing = Landing::open(store.clone(), name, Arc::clone(&schema), options)?;
    // So that a run finds the folder of a stream to which nothing came yet.
    if let Some(place) = source.root().local() {
        std::fs::create_dir_all(place).map_err(|error| Failure::io("create", place.display(), &error))?;
    }
    Ok(Some(Desk { schema, door, landing, last: Mutex::new(0) }))
}

/// Text lies in files as it is sent most: making views of it would be work for nothing.
fn landed_field(field: &Field) -> Field {
    match field.data_type() {
        DataType::Utf8View => field.clone().with_data_type(DataType::Utf8),
        _ => field.clone(),
    }
}

fn lands(stream: &StreamDefinition, format: Format) -> bool {
    let path = stream.path.value.trim_end_matches('/');
    format == Format::Parquet && path == format!("landing/{}", stream.name.value)
}

fn listeners(folder: &Path, settings: &config::Serve, options: &Serve) -> Result<(Listen, Listen)> {
    let token = match &settings.token_env {
        None => None,
        Some(name) => {
            let token = std::env::var(name).map_err(|_| {
                let cause = format!("the token is to be in the environment variable {name}, and that is not set");
                Failure::infrastructure("TG320", cause, "set it to 16 characters or more")
            })?;
            Some(Secret::new(&token)?)
        }
    };
    let read = |file: &PathBuf| {
        let path = folder.join(file);
        std::fs::read(&path).map_err(|error| Failure::io("read", path.display(), &error))
    };
    let tls = match (&settings.certificate_file, &settings.key_file) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(Tls {
            certificate: read(certificate)?,
            key: read(key)?,
            client_authority: settings.client_authority_file.as_ref().map(read).transpose()?,
        }),
        _ => {
            let cause = "[serve] names a certificate without its key, or a key without its certificate";
            return Err(Failure::usage("TG301", cause, "name both: certificate_file and key_file"));
        }
    };
    let listen = |address| Listen { address, tls: tls.clone(), token: token.clone() };
    let grpc = options.grpc.or(settings.grpc).unwrap_or(GRPC);
    let http = options.http.or(settings.http).unwrap_or(HTTP);
    Ok((listen(grpc), listen(http)))
}

fn random() -> Result<String> {
    let drawn = getrandom::u64().map_err(|error| unnamed(&error))?;
    Ok(format!("{drawn:016x}"))
}

fn unnamed(error: &dyn std::fmt::Display) -> Failure {
    Failure::infrastructure("TG500", format!("this process cannot be named: {error}"), "check the system")
}
