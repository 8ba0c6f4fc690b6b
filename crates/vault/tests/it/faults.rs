//! Under faults of every kind: what has a reference can be read whole, and a destroyed key stays destroyed.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use tidegate_ledger::Store;
use tidegate_vault::{Error, EvidenceRef, Vault};

use crate::flaky::Flaky;
use crate::{evidence, keyring, now, read, vault};

fn flaky(files: &Arc<InMemory>, seed: u64, dies_after: u64) -> (Vault, Arc<tidegate_keyring::Keyring>) {
    let store = Flaky::connect(files, seed, (seed % 6) * 12, dies_after);
    let keyring = keyring(store.clone());
    (Vault::new(store, Arc::clone(&keyring), ["incident"]), keyring)
}

#[tokio::test]
async fn what_has_a_reference_is_whole_until_it_is_destroyed() {
    let (mut failures, mut kept, mut gone) = (0, 0, 0);
    for seed in 0..300 {
        let files = Arc::new(InMemory::new());
        let text = format!("a text of seed {seed}");
        let mut references: Vec<EvidenceRef> = Vec::new();
        for process in 0..5 {
            let dies_after = if process % 2 == 0 { 1 + (seed + process) % 17 } else { u64::MAX };
            let (vault, _) = flaky(&files, seed * 10 + process, dies_after);
            let batch =
                [evidence("acme", Some("u1"), &text), evidence("acme", None, &text), evidence("globex", None, &text)];
            match vault.put_batch(&batch, now()).await {
                Ok(put) => references.extend(put.into_iter().flatten()),
                Err(_) => failures += 1,
            }
        }
        let whole = vault(&Store::new(Arc::clone(&files) as Arc<dyn ObjectStore>));
        for reference in &references {
            let content = read(&whole, *reference).await;
            assert_eq!(content.unwrap().bytes.as_slice(), text.as_bytes(), "seed {seed}");
            kept += 1;
        }
        let mut destroyed = false;
        for process in 0..5 {
            let (vault, keyring) = flaky(&files, seed * 10 + 5 + process, 1 + (seed + process) % 9);
            destroyed |= keyring.destroy_user("acme", "u1").await.is_ok();
            for reference in &references {
                // A reader with bad luck is told something else, but never the text of who is destroyed.
                let read = read(&vault, *reference).await;
                assert!(read.is_err() || read.unwrap().bytes.as_slice() == text.as_bytes(), "seed {seed}");
            }
        }
        for reference in &references {
            match read(&whole, *reference).await {
                Ok(content) => assert_eq!(content.bytes.as_slice(), text.as_bytes(), "seed {seed}"),
                Err(Error::Destroyed { of_user: true, .. }) => gone += 1,
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
        let first_is_of_the_user = references.first().is_some_and(|reference| reference.to_string().ends_with("_0"));
        if destroyed && first_is_of_the_user {
            let first = read(&whole, references[0]).await;
            assert!(matches!(first, Err(Error::Destroyed { .. })), "seed {seed}: {first:?}");
        }
    }
    // The worst did happen, and the best.
    assert!(failures > 100 && kept > 500 && gone > 50, "{failures} failures, {kept} kept, {gone} gone");
}
