//! Through the door: logs and files on a local disk and in memory.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod budget;
mod chain;
mod conformance;
mod crash;
mod double;
mod faults;
mod network;
mod probe;
mod retry;
mod seal;
mod store;

use std::sync::Arc;

use object_store::memory::InMemory;
use tempfile::TempDir;
use tidegate_ledger::Store;

/// Every kind of store, and the folder that one of them lies in.
fn stores() -> (TempDir, [Store; 3]) {
    let folder = tempfile::tempdir().unwrap();
    let plain = tempfile::tempdir_in(&folder).unwrap().keep();
    let plain = object_store::local::LocalFileSystem::new_with_prefix(plain).unwrap();
    let ours = tempfile::tempdir_in(&folder).unwrap().keep();
    let ours = Store::open_local(ours).unwrap();
    (folder, [ours, Store::new(Arc::new(plain)), Store::new(Arc::new(InMemory::new()))])
}
