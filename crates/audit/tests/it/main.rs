//! Through the door: logs on a local disk and in memory.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod crash;
mod faults;
mod proofs;
mod race;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use tidegate_audit::{AuditLog, Damage, Envelope, Error, Keyring, PrivateKey, Reader, Statement, Subject};
use tidegate_ledger::{Created, Store};

const ORIGIN: &str = "example.com/audit";
const FOLDER: &str = "audit";

/// One more entry than a full bundle, and some: every kind of file is there.
const MANY: usize = 259;

fn log_key() -> PrivateKey {
    PrivateKey::from_seed(&[1; 32])
}

fn keys() -> Keyring {
    let mut keys = Keyring::default();
    keys.add("alice", PrivateKey::from_seed(&[2; 32]).public()).unwrap();
    keys
}

/// The envelope of one decision. The same number gives the same bytes.
fn envelope(number: usize) -> Vec<u8> {
    let subject = Subject::of(format!("bundle-{number}"), &number.to_be_bytes());
    let statement =
        Statement::new(vec![subject], "https://example.com/verdict/v1", [("verdict".into(), "PASS".into())]);
    Envelope::sign(statement.unwrap(), &PrivateKey::from_seed(&[2; 32])).encode()
}

fn in_memory() -> Store {
    Store::new(Arc::new(InMemory::new()))
}

async fn open(store: &Store) -> AuditLog {
    AuditLog::open(store.clone(), FOLDER, ORIGIN, log_key()).await.unwrap()
}

fn reader(store: &Store) -> Reader {
    Reader::new(store.clone(), FOLDER, ORIGIN, log_key().public()).unwrap()
}

/// All entries in order, once they are known to be numbered in order.
async fn entries(store: &Store) -> Vec<Bytes> {
    let reader = reader(store);
    let entries: Vec<(u64, Bytes)> = reader.entries().try_collect().await.unwrap();
    assert!(entries.iter().map(|(index, _)| *index).eq(0..entries.len() as u64));
    entries.into_iter().map(|(_, entry)| entry).collect()
}

type Files = BTreeMap<String, Bytes>;

/// Every file of a store.
async fn files(store: &Store) -> Files {
    let mut files = Files::new();
    for path in store.list("").await.unwrap() {
        let bytes = store.get(&path).await.unwrap().unwrap();
        files.insert(path, bytes);
    }
    files
}

/// A store with these files.
async fn lay(files: &Files, store: Store) -> Store {
    for (path, bytes) in files {
        assert_eq!(store.create(path, bytes.clone()).await.unwrap(), Created::New);
    }
    store
}

/// The files of a log with envelopes `0..count`.
async fn written(count: usize) -> Files {
    let store = in_memory();
    let mut log = open(&store).await;
    for number in 0..count {
        assert_eq!(log.append(&envelope(number)).await.unwrap(), number as u64);
    }
    files(&store).await
}

/// What is wrong with a store.
async fn damage(store: &Store) -> Option<Damage> {
    match reader(store).verify(&keys()).await {
        Ok(_) => None,
        Err(Error::Damaged(damage)) => Some(damage),
        Err(error) => panic!("{error}"),
    }
}
