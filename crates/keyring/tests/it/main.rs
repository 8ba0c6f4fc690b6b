//! Through the door: keys on a local disk and in memory.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod destroy;
mod faults;
mod fixed;
mod flaky;
mod master;
mod race;
mod ring;

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use tempfile::TempDir;
use tidegate_keyring::{Key, Keyring, Limits, MasterKey};
use tidegate_ledger::Store;

fn master() -> MasterKey {
    "5a".repeat(32).parse().unwrap()
}

/// A keyring that asks the store each time.
fn attentive(store: Store) -> Keyring {
    Keyring::open(store, master(), Limits { cached_keys: 100, refresh_every: Duration::ZERO })
}

/// A keyring that believes what it once read.
fn trusting(store: Store) -> Keyring {
    Keyring::open(store, master(), Limits { cached_keys: 100, refresh_every: Duration::from_secs(1_000_000) })
}

/// Every kind of store, and the folder that one of them lies in.
fn stores() -> (TempDir, [Store; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let local = Store::open_local(&folder).unwrap();
    (folder, [local, Store::new(Arc::new(InMemory::new()))])
}

/// What tells keys apart.
fn mark(key: &Key) -> [u8; 32] {
    *key.derive("mark")
}

async fn tenant_mark(keyring: &Keyring, tenant: &str) -> [u8; 32] {
    mark(&keyring.key(keyring.owner(tenant).unwrap()).await.unwrap())
}

async fn user_mark(keyring: &Keyring, tenant: &str, user: &str) -> [u8; 32] {
    let owner = keyring.owner_user(keyring.owner(tenant).unwrap(), user).unwrap();
    mark(&keyring.key(owner).await.unwrap())
}
