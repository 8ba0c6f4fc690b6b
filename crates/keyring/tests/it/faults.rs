//! Under faults of every kind: a key that was given out stays the key, and one whose destruction returned is gone.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use tidegate_keyring::Error;
use tidegate_ledger::Store;

use crate::flaky::Flaky;
use crate::{attentive, mark};

#[tokio::test]
async fn what_was_given_out_stays_and_what_was_destroyed_is_gone() {
    let (mut failures, mut destroyed) = (0, 0);
    for seed in 0..300_u64 {
        let files = Arc::new(InMemory::new());
        let (mut given, mut is_destroyed) = (None, false);
        for process in 0..6 {
            // Some die early, and the store of some seldom answers.
            let dies_after = if process % 2 == 0 { 1 + (seed + process) % 9 } else { u64::MAX };
            let keyring = attentive(Flaky::connect(&files, seed * 10 + process, (seed % 6) * 12, dies_after));
            let owner = keyring.owner("acme").unwrap();
            match keyring.key(owner).await {
                Ok(key) => {
                    assert!(!is_destroyed, "seed {seed}, process {process}: a destroyed key came back");
                    assert_eq!(*given.get_or_insert(mark(&key)), mark(&key), "seed {seed}, process {process}");
                }
                // An attempt to destroy it that failed may have done so.
                Err(Error::TenantDestroyed { .. }) => assert!(process >= 3, "seed {seed}, process {process}"),
                Err(_) => failures += 1,
            }
            if process >= 2 {
                is_destroyed |= keyring.destroy("acme").await.is_ok();
            }
        }
        let keyring = attentive(Store::new(Arc::clone(&files) as Arc<dyn ObjectStore>));
        let found = keyring.key(keyring.owner("acme").unwrap()).await;
        destroyed += u64::from(is_destroyed);
        assert!(!is_destroyed || matches!(found, Err(Error::TenantDestroyed { .. })), "seed {seed}: {found:?}");
    }
    // The worst did happen, and the best.
    assert!(failures > 50 && destroyed > 50, "{failures} failures, {destroyed} destroyed");
}
