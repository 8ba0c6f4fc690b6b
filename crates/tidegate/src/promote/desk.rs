//! How are acts filed and found?

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use futures::TryStreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tidegate_audit::{AuditLog, Envelope, PrivateKey, PublicKey, Reader, log::FOLDER};
use tidegate_gate::GateFile;
use tidegate_gate::rollout::Rollout;
use tidegate_ledger::{Created, Store};

use super::act::{Act, Registered, verdict_path};
use super::people::{People, Person};
use crate::cli::Place;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::secret;
use crate::storage::{self, Root, root_of};

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
    pub(crate) root: Root,
    pub(crate) people: People,
    pub(crate) reader: Option<Reader>,
    /// In their order.
    pub(crate) entries: Vec<Entry>,
    /// What is not believed, and why: no rule knows of it.
    pub(crate) doubtful: Vec<Doubt>,
    /// Acts that the log has, believed or not.
    pub(crate) size: u64,
}

/// An act that is not believed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Doubt {
    /// Where its envelope lies, if it says so.
    pub(crate) path: Option<String>,
    /// The file that is wrong, or which act it is.
    pub(crate) file: String,
    pub(crate) why: String,
}

/// An act as the log has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Its number in the log.
    pub(crate) index: u64,
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
        let root = root_of(place, &config)?;
        let store = storage::open(&root, &config)?;
        let people = People::of(&place.project)?;
        let mut records =
            Self { store, root, people, reader: None, entries: Vec::new(), doubtful: Vec::new(), size: 0 };
        if let Some(key) = records.log_public_key().await? {
            records.reader = Some(Reader::new(records.store.clone(), FOLDER, ORIGIN, key)?);
        }
        Ok(records)
    }

    /// Reads the log, and believes what somebody known has done and signed themselves. The rest is kept out, so that nobody who
    /// was forgotten in `people.toml` stands in the way of a rollback.
    pub(crate) async fn load(&mut self) -> Result<()> {
        let Some(reader) = &self.reader else { return Ok(()) };
        let read = reader.entries().try_collect::<Vec<_>>().await?;
        self.size = read.len() as u64;
        let (mut entries, mut doubtful) = (Vec::with_capacity(read.len()), Vec::new());
        for (index, bytes) in read {
            let act = match self.believe(&bytes) {
                Ok(act) => act,
                Err(why) => {
                    doubtful.push(Doubt { path: None, file: format!("act {index}"), why });
                    continue;
                }
            };
            match self.contradiction(&act).await? {
                Some((file, why)) => {
                    doubtful.push(Doubt { path: Some(act.path()), file, why: why.to_owned() });
                }
                None => entries.push(Entry { index, act, bytes }),
            }
        }
        (self.entries, self.doubtful) = (entries, doubtful);
        Ok(())
    }

    /// The act of an envelope that whoever did it has signed, alone.
    pub(super) fn believe(&self, bytes: &[u8]) -> Result<Act, String> {
        let envelope = Envelope::decode(bytes).map_err(|error| error.to_string())?;
        let signers = envelope.verify(&self.people.keys).map_err(|error| error.to_string())?;
        let act = Act::of(envelope.statement()).map_err(|failure| failure.to_string())?;
        if signers != [act.by()] {
            return Err(format!("it says that {} did it, and {} signed it", act.by(), signers.join(" and ")));
        }
        match &act {
            Act::Approve(approval) if !self.people.have(&approval.by, &approval.roles) => {
                Err(format!("{} does not have the roles {}", approval.by, approval.roles.join(", ")))
            }
            _ => Ok(act),
        }
    }

    /// Where a judgement says otherwise than its verdict's file, and which of the two files is wrong.
    async fn contradiction(&self, act: &Act) -> Result<Option<(String, &'static str)>> {
        let Act::Judge(run_id, judged) = act else { return Ok(None) };
        let path = verdict_path(run_id);
        let Some(bytes) = self.store.get(&path).await? else {
            return Ok(Some((path, "the verdict is missing")));
        };
        if format!("sha256:{:x}", Sha256::digest(&bytes)) != judged.verdict {
            return Ok(Some((path, "its bytes are not those that were signed")));
        }
        let file = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
        let says = [
            (&file["run_id"], Value::from(run_id.as_str())),
            (&file["registration"], Value::from(judged.registration.as_str())),
            (&file["step"], Value::from(judged.step)),
            (&file["as_of_us"], Value::from(judged.as_of_us)),
            (&file["verdict"]["digest"], Value::from(judged.gate.as_str())),
            (&file["verdict"]["verdict"], Value::from(judged.status.to_string())),
        ];
        let differs = says.iter().any(|(found, signed)| *found != signed);
        Ok(differs.then(|| (act.path(), "it says otherwise than its verdict")))
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
        Self::rollout_of(name, &self.entries, self.size)
    }

    /// What the first `facts` acts of the log say of a name.
    pub(crate) fn rollout_of(name: &str, entries: &[Entry], facts: u64) -> Result<Rollout> {
        let mut rollout = Rollout { facts, ..Rollout::default() };
        let mut pointers = BTreeMap::new();
        let known = |rollout: &Rollout, id: &str| rollout.registrations.contains_key(id);
        for Entry { act, .. } in entries.iter().filter(|entry| entry.index < facts) {
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
    /// None where nothing is to be written.
    log: Option<AuditLog>,
}

impl Desk {
    /// Opens the records to act on them, and appends what others filed and did not live to append; or to say what would be
    /// done, and then nothing is written.
    pub(crate) async fn open(place: &Place, key: Option<&Path>, dry_run: bool) -> Result<Self> {
        let me = Person::of(&place.project, key)?;
        if dry_run {
            return Ok(Self { records: Records::read(place).await?, me, log: None });
        }
        let mut records = Records::open(place).await?;
        let log_key = secret::kept_or_drawn(&records.store, &records.root, LOG_KEY).await?;
        let log_key = PrivateKey::from_seed(&log_key);
        let pem = log_key.public().to_pem()?;
        let _ = records.store.create(LOG_PUBLIC_KEY, pem.into_bytes()).await?;
        let log = AuditLog::open(records.store.clone(), FOLDER, ORIGIN, log_key).await?;
        records.reader = Some(log.reader().clone());
        let mut desk = Self { records, me, log: Some(log) };
        desk.settle().await?;
        Ok(desk)
    }

    /// Appends every file that is not in the log yet, and reads what was done.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        for folder in FOLDERS {
            for path in self.records.store.list(folder).await? {
                if let Some(bytes) = self.records.store.get(&path).await? {
                    // What nobody known has done, or lies where it does not belong, is not this log's business.
                    if self.records.believe(&bytes).is_ok_and(|act| act.path() == path) {
                        log.append_once(&bytes).await?;
                    }
                }
            }
        }
        self.records.load().await
    }

    /// Files an act: the file first, which is there once or not at all, then the log.
    pub(crate) async fn file(&mut self, act: Act) -> Result<Filed> {
        let Some(log) = &mut self.log else { return Ok(Filed::New) };
        let path = act.path();
        let bytes = Envelope::sign(act.statement()?, &self.me.key).encode();
        let created = self.records.store.create(&path, bytes.clone()).await?;
        let standing = self.records.store.get(&path).await?.unwrap_or_default();
        let index = log.append_once(&standing).await?;
        self.records.size = self.records.size.max(index + 1);
        if created == Created::AlreadyExists && standing != bytes {
            let other = Act::of(Envelope::decode(&standing)?.statement())?;
            return Ok(Filed::Other(Box::new(other)));
        }
        self.records.entries.push(Entry { index, act, bytes: bytes.into() });
        Ok(Filed::New)
    }
}
