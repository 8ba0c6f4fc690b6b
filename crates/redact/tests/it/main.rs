//! Through the door: batches and texts, and what is left of them.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod canary;
mod erased;
mod policies;
mod scrub;

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use tidegate_keyring::{Keyring, Limits};
use tidegate_ledger::Store;

/// A keyring in memory that asks each time what is destroyed.
fn keyring() -> Arc<Keyring> {
    let limits = Limits { refresh_every: Duration::ZERO, ..Limits::default() };
    let store = Store::new(Arc::new(InMemory::new()));
    Arc::new(Keyring::open(store, "5a".repeat(32).parse().unwrap(), limits))
}
