//! What was made of what? Releases are told as OpenLineage run events, to files or to a catalogue such as Marquez.
//!
//! Events follow from the log: each record of releases is told as `lineage/<record>.ndjson`, which is created once, after
//! a catalogue has taken the same events. So what a crash or a catalogue that was away left untold is told by the next run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, absolute};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tidegate_ledger::{Chain, Digest, Record, Store};
use tidegate_signal::{DQ_RESULTS, SCHEMA_DRIFT, Scope, SignalDefinition};
use tidegate_stream::{Commit, LOG, ReleaseCommit, derived_schema, released_schema, table_schema};

use crate::config::Lineage as Settings;
use crate::failure::{Failure, Result};
use crate::project::Project;
use event::{Dataset, Job, Made, events};

mod event;

/// Where events lie under the root.
const FOLDER: &str = "lineage";

/// How long a catalogue may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells what is released, from the log.
pub(crate) struct Lineage {
    store: Store,
    chain: Chain<Commit>,
    /// The releases in the log that are not told yet.
    waiting: VecDeque<(u64, Digest, ReleaseCommit)>,
    namespace: String,
    jobs: BTreeMap<String, Job>,
    root: Dataset,
    catalogue: Option<Catalogue>,
}

/// Who takes events over HTTP.
struct Catalogue {
    client: reqwest::Client,
    url: reqwest::Url,
    token: Option<String>,
}

impl Lineage {
    /// The lineage of a project whose settings ask for it.
    pub(crate) async fn of(project: &Project) -> Result<Option<Self>> {
        let settings = &project.config.lineage;
        let Some(to) = &settings.to else { return Ok(None) };
        let catalogue = if to == "files" { None } else { Some(Catalogue::at(to, settings)?) };
        let root = match project.root.folder() {
            Some(folder) => Dataset::at(&on_disk(folder)),
            None => Dataset::at(&project.root.to_string()),
        };
        let namespace = settings.namespace.clone().unwrap_or_else(|| "tidegate".to_owned());
        let jobs = jobs(project, &root).await?;
        let store = project.store()?;
        let (chain, records) = Chain::open(store.clone(), LOG).await?;
        let told = store.list(FOLDER).await?.into_iter().collect::<BTreeSet<_>>();
        let waiting = releases(records).filter(|(seq, ..)| !told.contains(&file_of(*seq))).collect();
        Ok(Some(Self { store, chain, waiting, namespace, jobs, root, catalogue }))
    }

    /// Tells what was released since. A catalogue that does not take it is no failure: it is told later.
    pub(crate) async fn tell(&mut self) -> Result<()> {
        self.waiting.extend(releases(self.chain.catch_up().await?));
        while let Some((seq, digest, release)) = self.waiting.front() {
            let events = self.events(*seq, *digest, release);
            if let Some(catalogue) = &self.catalogue
                && let Err(cause) = catalogue.take(&events).await
            {
                let left = self.waiting.len();
                eprintln!("warning: TG324: lineage of {left} log records is not told yet: {cause}");
                return Ok(());
            }
            let lines = events.iter().map(|event| format!("{event}\n")).collect::<String>();
            // Another process may have told the same.
            let _ = self.store.create(&file_of(*seq), Bytes::from(lines)).await?;
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// A start and an end for each signal that a record releases.
    fn events(&self, seq: u64, digest: Digest, release: &ReleaseCommit) -> Vec<Value> {
        let signals = release.releases.iter().map(|entry| entry.signal.as_str()).collect::<BTreeSet<_>>();
        let made = |signal: &str| {
            let entries = release.releases.iter().filter(|entry| entry.signal == signal).collect::<Vec<_>>();
            let job = self.jobs.get(signal).cloned().unwrap_or_else(|| Job::unknown(signal, &self.root));
            let made = Made { seq, digest, at_us: release.committed_at_us, entries: &entries };
            events(&self.namespace, signal, &job, &made)
        };
        signals.into_iter().flat_map(made).collect()
    }
}

impl Catalogue {
    fn at(url: &str, settings: &Settings) -> Result<Self> {
        let fix =
            "write [lineage] to = \"files\", or the URL of a catalogue, as in \"http://localhost:5000/api/v1/lineage\"";
        let parsed = url.parse::<reqwest::Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = parsed else {
            return Err(Failure::usage("TG301", "[lineage] to is neither \"files\" nor a URL", fix));
        };
        let token = match &settings.token_env {
            None => None,
            Some(name) => Some(std::env::var(name).map_err(|_| {
                let cause = format!("the token is to be in the environment variable {name}, and that is not set");
                Failure::infrastructure("TG320", cause, "set it, or leave [lineage] token_env out")
            })?),
        };
        let client = reqwest::Client::builder().timeout(PATIENCE).build();
        let client = client.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "check the system"))?;
        Ok(Self { client, url, token })
    }

    /// Hands over events; in words without the URL, which may hold a secret, when they are not taken.
    async fn take(&self, events: &[Value]) -> Result<(), String> {
        for event in events {
            let request = self.client.post(self.url.clone()).header("content-type", "application/json");
            let request = match &self.token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let answer =
                request.body(event.to_string()).send().await.map_err(|error| error.without_url().to_string())?;
            if !answer.status().is_success() {
                return Err(format!("the catalogue answered {}", answer.status()));
            }
        }
        Ok(())
    }
}

/// The releases among records of the log.
fn releases(records: Vec<Record<Commit>>) -> impl Iterator<Item = (u64, Digest, ReleaseCommit)> {
    records.into_iter().filter_map(|Record { seq, digest, body, .. }| match body {
        Commit::Release(release) => Some((seq, digest, release)),
        _ => None,
    })
}

/// A folder by its whole path.
fn on_disk(folder: &Path) -> String {
    absolute(folder).unwrap_or_else(|_| folder.to_owned()).display().to_string()
}

fn file_of(seq: u64) -> String {
    format!("{FOLDER}/{seq:020}.ndjson")
}

/// What each signal reads and writes.
async fn jobs(project: &Project, root: &Dataset) -> Result<BTreeMap<String, Job>> {
    let streams = project.inputs.iter().map(|(stream, source)| {
        let place = match source.root().local() {
            Some(folder) => on_disk(folder),
            None => source.root().to_string(),
        };
        (stream.definition.name.value.clone(), Dataset::at(place.trim_end_matches('/')))
    });
    let streams = streams.collect::<BTreeMap<_, _>>();
    let signals = project.plan_to_look_at().await?;
    let derived = project.derive(&signals).await?;
    let output = |definition: &SignalDefinition| {
        let folder = definition.scope.folder();
        root.below(&format!("{folder}/signal={}", definition.name.value))
    };
    let mut outputs = BTreeMap::new();
    for definition in signals.iter().map(|signal| &signal.definition).chain(derived.iter().map(|d| &d.definition)) {
        outputs.insert(definition.name.value.clone(), output(definition));
    }
    let mut jobs = BTreeMap::new();
    for signal in &signals {
        let inputs = signal.streams().filter_map(|stream| streams.get(stream).cloned()).collect();
        let schema = table_schema(&released_schema(signal)?);
        let job = Job::of(&signal.definition, inputs, outputs[signal.name()].clone(), Some(schema));
        jobs.insert(signal.name().to_owned(), job);
    }
    for signal in &derived {
        let inputs = signal.reads().filter_map(|read| outputs.get(read).cloned()).collect();
        let schema = table_schema(&derived_schema(signal)?);
        let job = Job::of(&signal.definition, inputs, outputs[signal.name()].clone(), Some(schema));
        jobs.insert(signal.name().to_owned(), job);
    }
    for name in [SCHEMA_DRIFT, DQ_RESULTS] {
        let output = root.below(&format!("{}/signal={name}", Scope::Global.folder()));
        jobs.insert(name.to_owned(), Job::own(streams.values().cloned().collect(), output));
    }
    Ok(jobs)
}
