//! Whoever makes the key of a tenant at the same time ends with the same key.

use crate::{stores, tenant_mark, trusting, user_mark};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_make_a_key_at_once_have_the_same() {
    let (_folder, stores) = stores();
    for store in stores {
        let processes = (0..16).map(|_| {
            let keyring = trusting(store.clone());
            tokio::spawn(async move { (tenant_mark(&keyring, "acme").await, user_mark(&keyring, "acme", "u1").await) })
        });
        let mut marks = Vec::new();
        for process in processes.collect::<Vec<_>>() {
            marks.push(process.await.unwrap());
        }
        marks.dedup();
        assert_eq!(marks.len(), 1);
        assert_eq!(store.list("keys/ring").await.unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_made_while_it_is_destroyed_is_destroyed() {
    for _ in 0..20 {
        let (_folder, stores) = stores();
        for store in stores {
            let (maker, destroyer) = (trusting(store.clone()), trusting(store.clone()));
            let made = tokio::spawn(async move {
                let owner = maker.owner("acme").unwrap();
                let _ = maker.key(owner).await;
            });
            destroyer.destroy("acme").await.unwrap();
            made.await.unwrap();
            let keyring = trusting(store);
            let owner = keyring.owner("acme").unwrap();
            assert!(keyring.key(owner).await.is_err() && keyring.find(owner).await.is_err());
        }
    }
}
