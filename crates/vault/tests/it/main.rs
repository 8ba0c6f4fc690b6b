//! Through the door: evidence on a local disk and in memory.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod access;
mod faults;
#[path = "../../../keyring/tests/it/flaky.rs"]
mod flaky;
mod forget;
mod retention;
mod vault;

use std::error::Error as StdError;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use tempfile::TempDir;
use tidegate_keyring::{Keyring, Limits};
use tidegate_ledger::Store;
use tidegate_vault::{Access, AuditTrail, Content, Error, Evidence, EvidenceRef, Outcome, Reader, Vault};

/// An audit log in memory, which may fail.
#[derive(Default)]
struct Trail {
    records: Mutex<Vec<Access>>,
    fails: bool,
}

impl AuditTrail for Trail {
    async fn record(&self, access: Access) -> Result<(), Box<dyn StdError + Send + Sync>> {
        if self.fails {
            return Err("the disk is full".into());
        }
        self.records.lock().unwrap().push(access);
        Ok(())
    }
}

impl Trail {
    fn outcomes(&self) -> Vec<Outcome> {
        self.records.lock().unwrap().iter().map(|access| access.outcome).collect()
    }
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn now() -> DateTime<Utc> {
    at("2026-03-01T12:00:00Z")
}

fn keyring(store: Store) -> Arc<Keyring> {
    let limits = Limits { refresh_every: Duration::ZERO, ..Limits::default() };
    Arc::new(Keyring::open(store, "5a".repeat(32).parse().unwrap(), limits))
}

fn vault(store: &Store) -> Vault {
    Vault::new(store.clone(), keyring(store.clone()), ["incident", "dispute"])
}

/// Every kind of store, and the folder that one of them lies in.
fn stores() -> (TempDir, [Store; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let local = Store::open_local(&folder).unwrap();
    (folder, [local, in_memory(&Arc::default())])
}

/// A store in memory that tries again at once.
fn in_memory(files: &Arc<InMemory>) -> Store {
    Store::new(Arc::clone(files) as Arc<dyn ObjectStore>).with_pause(|_| ready(()))
}

fn evidence<'a>(tenant: &'a str, user: Option<&'a str>, content: &'a str) -> Evidence<'a> {
    Evidence { tenant, user, kind: "prompt", content: content.as_bytes(), ttl: TimeDelta::days(7) }
}

fn reader() -> Reader {
    Reader { who: "carol@operator".to_owned(), purpose: Some("incident".to_owned()) }
}

async fn read(vault: &Vault, reference: EvidenceRef) -> Result<Content, Error> {
    vault.get(reference, &reader(), now(), &Trail::default()).await
}
