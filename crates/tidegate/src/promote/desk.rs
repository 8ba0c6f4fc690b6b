//! How are acts filed and found?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::TryStreamExt;
use tidegate_audit::{AuditLog, Envelope, Keyring, PrivateKey, PublicKey, Reader, log::FOLDER};
use tidegate_gate::GateFile;
use tidegate_gate::rollout::Rollout;
use tidegate_ledger::{Created, Store};

use super::act::{Act, Registered};
use super::people::{self, Person};
use crate::cli::Place;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::secret;
use crate::storage::{self, root_of};

/// The log's own key: it signs heads, and says nothing about who did what.
const LOG_KEY: &str = "keys/audit.key";
/// Its public half, for whoever verifies.
const LOG_PUBLIC_KEY: &str = "registry/audit.pub.pem";
/// What the log calls itself.
const ORIGIN: &str = "tidegate.dev/audit";
/// Where envelopes lie.
pub(super) const FOLDERS: [&str; 6] = [
    "registry/registrations",
    "registry/judgements",
    "registry/approvals",
    "registry/drills",
    "registry/charges",
    "pointers",
];

/// Everything that was done, for whoever reads.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) store: Store,
    pub(crate) root: PathBuf,
    pub(crate) keys: Keyring,
    pub(crate) reader: Option<Reader>,
    /// In their order.
    pub(crate) entries: Vec<Entry>,
}

/// An act as the log has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) act: Act,
    /// Its envelope.
    pub(crate) bytes: Bytes,
}

/// Whether an act was filed now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filed {
    /// It was.
    New,
    /// Another one stands in its place.
    Other(Box<Act>),
}

impl Records {
    /// Reads what was done; writes nothing.
    pub(crate) async fn read(place: &Place) -> Result<Self> {
        let mut records = Self::open(place).await?;
        records.load().await?;
        Ok(records)
    }

    /// Finds the records, and reads none of them yet.
    pub(crate) async fn open(place: &Place) -> Result<Self> {
        let config = Config::read(&place.project)?;
        let root = root_of(place, &config);
        let store = storage::open(&root, &config)?;
        let keys = people::keyring(&place.project)?;
        let mut records = Self { store, root, keys, reader: None, entries: Vec::new() };
        if let Some(key) = records.log_public_key().await? {
            records.reader = Some(Reader::new(records.store.clone(), FOLDER, ORIGIN, key)?);
        }
        Ok(records)
    }

    /// Reads the log, and believes what somebody known has signed.
    pub(crate) async fn load(&mut self) -> Result<()> {
        let Some(reader) = &self.reader else { return Ok(()) };
        let read = reader.entries().try_collect::<Vec<_>>().await?;
        let entries = read.into_iter().map(|(_, bytes)| {
            let envelope = Envelope::decode(&bytes)?;
            envelope.verify(&self.keys)?;
            Ok(Entry { act: Act::of(envelope.statement())?, bytes })
        });
        self.entries = entries.collect::<Result<_>>()?;
        Ok(())
    }

    async fn log_public_key(&self) -> Result<Option<PublicKey>> {
        let Some(pem) = self.store.get(LOG_PUBLIC_KEY).await? else { return Ok(None) };
        Ok(Some(PublicKey::from_pem(&String::from_utf8_lossy(&pem))?))
    }

    /// The names of which anything was registered.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.entries.iter().filter_map(|entry| match &entry.act {
            Act::Register(registered) => Some(registered.registration.name.clone()),
            _ => None,
        });
        let mut names = names.collect::<Vec<_>>();
        names.sort();
        names.dedup();
        names
    }

    /// The one name there is, or the one that is meant.
    pub(crate) fn name(&self, asked: Option<&str>) -> Result<String> {
        let names = self.names();
        match (asked, names.as_slice()) {
            (Some(asked), names) if names.iter().any(|name| name == asked) => Ok(asked.to_owned()),
            (None, [name]) => Ok(name.clone()),
            (Some(asked), names) => {
                let fix =
                    format!("registered are: {}", if names.is_empty() { "none".into() } else { names.join(", ") });
                Err(Failure::usage("TG660", format!("nothing is registered as {asked}"), fix))
            }
            (None, []) => {
                let fix = "begin with `tidegate promote register BUNDLE --baseline`, what runs today";
                Err(Failure::usage("TG660", "nothing is registered yet", fix))
            }
            (None, names) => Err(Failure::usage(
                "TG660",
                "more than one name is registered",
                format!("name one of {}", names.join(", ")),
            )),
        }
    }

    /// What is known of a name.
    pub(crate) fn rollout(&self, name: &str) -> Result<Rollout> {
        Self::rollout_of(name, &self.entries)
    }

    /// What some entries say of a name.
    pub(crate) fn rollout_of(name: &str, entries: &[Entry]) -> Result<Rollout> {
        let mut rollout = Rollout::default();
        let mut pointers = BTreeMap::new();
        let known = |rollout: &Rollout, id: &str| rollout.registrations.contains_key(id);
        for Entry { act, .. } in entries {
            match act {
                Act::Register(registered) if registered.registration.name == name => {
                    let Registered { registration, gates } = registered;
                    for text in gates.values() {
                        let gate = GateFile::parse("registered gate", text);
                        let gate =
                            gate.map_err(|error| Failure::usage(error.code(), error.to_string(), error.help()))?;
                        rollout.gates.insert(gate.digest(), gate);
                    }
                    rollout.registrations.insert(registered.id(), registration.clone());
                }
                Act::Judge(_, judged) if known(&rollout, &judged.registration) => {
                    rollout.judgements.push(judged.clone())
                }
                Act::Approve(approval) if known(&rollout, &approval.registration) => {
                    rollout.approvals.push(approval.clone());
                }
                Act::Drill(drill) if drill.name == name => rollout.drills.push(drill.clone()),
                // Appended by whoever came first: a later generation may stand before an earlier one.
                Act::Point(pointer) if pointer.name == name => {
                    pointers.insert(pointer.generation, pointer.clone());
                }
                _ => {}
            }
        }
        rollout.pointers = pointers.into_values().collect();
        Ok(rollout)
    }
}

/// Where somebody acts: all records, the log, and a key.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) records: Records,
    pub(crate) me: Person,
    log: AuditLog,
}

impl Desk {
    /// Opens the records to act on them, and appends what others filed and did not live to append.
    pub(crate) async fn open(place: &Place, key: Option<&Path>) -> Result<Self> {
        let me = Person::of(&place.project, key)?;
        let mut records = Records::read(place).await?;
        let log_key = secret::kept_or_drawn(&records.store, &records.root, LOG_KEY).await?;
        let log_key = PrivateKey::from_seed(&log_key);
        let pem = log_key.public().to_pem()?;
        let _ = records.store.create(LOG_PUBLIC_KEY, pem.into_bytes().into()).await?;
        let log = AuditLog::open(records.store.clone(), FOLDER, ORIGIN, log_key).await?;
        records.reader = Some(log.reader().clone());
        let mut desk = Self { records, me, log };
        desk.settle().await?;
        Ok(desk)
    }

    /// Appends every file that is not in the log yet, and reads what was done.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        for folder in FOLDERS {
            for path in self.records.store.list(folder).await? {
                if let Some(bytes) = self.records.store.get(&path).await? {
                    // What is no envelope of somebody known is not this log's business: `verify` names it.
                    let envelope = Envelope::decode(&bytes);
                    if envelope.is_ok_and(|envelope| envelope.verify(&self.records.keys).is_ok()) {
                        self.log.append_once(&bytes).await?;
                    }
                }
            }
        }
        self.records.load().await
    }

    /// Files an act: the file first, which is there once or not at all, then the log.
    pub(crate) async fn file(&mut self, act: Act) -> Result<Filed> {
        let path = act.path();
        let bytes = Envelope::sign(act.statement()?, &self.me.key).encode();
        let created = self.records.store.create(&path, bytes.clone().into()).await?;
        let standing = self.records.store.get(&path).await?.unwrap_or_default();
        self.log.append_once(&standing).await?;
        if created == Created::AlreadyExists && standing != bytes {
            let other = Act::of(Envelope::decode(&standing)?.statement())?;
            return Ok(Filed::Other(Box::new(other)));
        }
        self.records.entries.push(Entry { act, bytes: bytes.into() });
        Ok(Filed::New)
    }
}
