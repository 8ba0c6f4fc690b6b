//! How do a project's labels become effective ones?
//!
//! The rules are in `labels.toml`, suspicions in `label_quarantine.toml`, the rows in the streams `labels` and
//! `decisions`. [`settle`] writes changes for signals to read, [`table`] answers queries.

pub(crate) mod settle;
pub(crate) mod table;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::StreamExt;
use tidegate_labels::{Decisions, Quarantine, Resolver, Rules};
use tidegate_signal::{Definitions, StreamDefinition};
use tidegate_source::{Item, Source, SourceFile};

use crate::cli::Place;
use crate::config::Config;
use crate::contracts::{self, Contracts};
use crate::failure::{Failure, Result, Snippet};
use crate::project::{Landing, connect, defined};
use crate::storage;

const BATCH_ROWS: usize = 8_192;
/// The names of the two streams, where `labels.toml` does not name others.
const LABELS: &str = "labels";
const DECISIONS: &str = "decisions";

/// A project's rules of labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ruling {
    pub(crate) rules: Arc<Rules>,
    pub(crate) quarantine: Arc<Quarantine>,
    /// The two files as they are, for digests.
    texts: [String; 2],
}

impl Ruling {
    /// Reads the two files of a project, either of which may be absent.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let (rules, quarantine) = (text(folder, Rules::FILE)?, text(folder, Quarantine::FILE)?);
        let refused = |text: &str| {
            let text = text.to_owned();
            move |error: tidegate_labels::Error| located(&error, &text)
        };
        Ok(Self {
            rules: Arc::new(Rules::parse(Rules::FILE, &rules).map_err(refused(&rules))?),
            quarantine: Arc::new(Quarantine::parse(Quarantine::FILE, &quarantine).map_err(refused(&quarantine))?),
            texts: [rules, quarantine],
        })
    }

    pub(crate) fn labels(&self) -> &str {
        self.rules.changelog.as_ref().map_or(LABELS, |changelog| &changelog.labels)
    }

    pub(crate) fn decisions(&self) -> &str {
        self.rules.changelog.as_ref().map_or(DECISIONS, |changelog| &changelog.decisions)
    }
}

fn text(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| Failure::io("read", path.display(), &error)),
    }
}

/// A refusal, pointed at its place in the file.
fn located(error: &tidegate_labels::Error, text: &str) -> Failure {
    let failure = Failure::usage(error.code(), error.cause(), error.help());
    match error.location() {
        Some(at) => failure.at(Snippet::new(at.file.clone(), text.to_owned(), at.offset..at.offset + at.length)),
        None => failure,
    }
}

/// The streams that labels are read from.
pub(crate) struct LabelStreams {
    pub(crate) ruling: Ruling,
    pub(crate) labels: StreamDefinition,
    pub(crate) labels_source: Arc<Source>,
    pub(crate) decisions: Option<(StreamDefinition, Arc<Source>)>,
}

impl LabelStreams {
    /// Finds them in a project. It need not be fit to run: the stream of changes may not be there yet.
    pub(crate) async fn connect(place: &Place) -> Result<Self> {
        let config = Config::read(&place.project)?;
        let mut definitions = defined(place, &config).await?;
        let contracts = Contracts::read(&place.project, &config, &mut definitions)?;
        let ruling = Ruling::read(&place.project)?;
        let root = storage::root_of(place, &config)?;
        let keyring = match contracts.is_empty() {
            true => None,
            false => {
                root.create()?;
                let store = storage::open(&root, &config)?;
                Some(Arc::new(contracts::keyring(&place.project, &config.keys, &store, &root).await?))
            }
        };
        let mut landing = Landing::of(&place.project, &root);
        let mut open = |stream: &StreamDefinition| {
            let (_, source) = connect(stream, &mut landing, &config.limits(), false)?;
            match &keyring {
                Some(keyring) => Ok::<_, Failure>(Arc::new(contracts.guarded(stream, &source, keyring)?)),
                None => Ok(source),
            }
        };
        let Some(labels) = find(&definitions, ruling.labels()) else {
            let cause = format!("the project has no stream `{}`", ruling.labels());
            let fix = "declare it with CREATE STREAM, or name another: [changelog] labels in labels.toml";
            return Err(Failure::usage("TG790", cause, fix));
        };
        let decisions = find(&definitions, ruling.decisions());
        let decisions = decisions.map(|stream| Ok::<_, Failure>((stream.clone(), open(stream)?))).transpose()?;
        Ok(Self { labels_source: open(labels)?, labels: labels.clone(), decisions, ruling })
    }

    /// Refuses to show labels row by row where they protect somebody, as `tidegate sql` does.
    pub(crate) fn refuse_protected(&self) -> Result<()> {
        if !self.labels.contract.is_protected() {
            return Ok(());
        }
        let cause = format!("stream `{}` is protected and cannot be shown row by row", self.labels.name.value);
        let fix = "write a signal with a privacy clause over the change log; see docs/labels.md";
        Err(Failure::privacy("TG205", cause, fix))
    }

    /// All labels as of an instant, and the decisions they are about, as far as they are known. `note` sees every batch.
    pub(crate) async fn resolve(
        &self,
        as_of_us: Option<i64>,
        note: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<(Resolver, Option<Decisions>)> {
        let decisions = self.decisions.as_ref().map(|(_, source)| source);
        resolve(&self.ruling, &self.labels_source, decisions, as_of_us, note).await
    }
}

/// Reads all labels, and the decisions they are about.
pub(crate) async fn resolve(
    ruling: &Ruling,
    labels: &Source,
    decisions: Option<&Arc<Source>>,
    as_of_us: Option<i64>,
    mut note: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<(Resolver, Option<Decisions>)> {
    let mut resolver = Resolver::new(Arc::clone(&ruling.rules), Arc::clone(&ruling.quarantine), as_of_us);
    let mut reading = Reading::default();
    let columns = label_columns(labels);
    for file in listed(labels)? {
        reading
            .file(labels, &file, &columns, |batch| {
                resolver.add(batch)?;
                note(batch)
            })
            .await?;
    }
    // Decisions in other columns than the canonical ones only leave open what has matured.
    let mut known = decisions.and_then(|source| Decisions::new(source.schema(), Some(&[]), None).ok());
    if let (Some(known), Some(source)) = (&mut known, decisions) {
        for file in listed(source)? {
            reading.file(source, &file, &known.columns(), |batch| Ok(known.add(batch)?)).await?;
        }
    }
    reading.warn();
    Ok((resolver, known))
}

/// Reads files of streams, and counts what is bad in them.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    rejected: u64,
}

impl Reading {
    pub(crate) async fn file(
        &mut self,
        source: &Source,
        file: &SourceFile,
        columns: &[String],
        mut take: impl FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut items = source.open(file, columns, 0.., BATCH_ROWS).map_err(|error| unreadable(&error))?;
        while let Some(item) = items.next().await {
            match item {
                Item::Rows(delivery) => {
                    self.rejected += delivery.rejected.len() as u64;
                    take(&delivery.batch)?;
                }
                Item::FileRejected(_) => self.rejected += 1,
            }
        }
        Ok(())
    }

    pub(crate) fn warn(&self) {
        if self.rejected > 0 {
            eprintln!("warning: {} rows or files could not be read and do not count", self.rejected);
        }
    }
}

pub(crate) fn listed(source: &Source) -> Result<Vec<SourceFile>> {
    source.discover().map_err(|error| unreadable(&error))
}

fn unreadable(error: &tidegate_source::Error) -> Failure {
    Failure::infrastructure("TG310", error.to_string(), "check the stream's path")
}

/// Those of the columns that are read, or told, that the stream has.
pub(crate) fn label_columns(source: &Source) -> Vec<String> {
    let wanted = Resolver::columns().iter().copied().chain(tidegate_labels::History::COLUMNS);
    let there = wanted.filter(|name| source.schema().field_with_name(name).is_ok());
    there.map(str::to_owned).collect()
}

fn find<'a>(definitions: &'a Definitions, name: &str) -> Option<&'a StreamDefinition> {
    definitions.streams.iter().find(|stream| stream.name.value == name)
}
