//! Keys are made once, found again, and told apart; and nothing on the store tells whose they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use tidegate_keyring::{Error, Keyring, Limits, MasterKey};
use tidegate_ledger::Store;

use crate::{attentive, mark, master, stores, tenant_mark, trusting, user_mark};

#[tokio::test]
async fn a_key_is_the_same_in_every_process_and_another_for_everybody() {
    let (_folder, stores) = stores();
    for store in stores {
        let (one, two) = (trusting(store.clone()), attentive(store));
        let mut marks = BTreeSet::new();
        for tenant in ["acme", "globex", ""] {
            assert_eq!(tenant_mark(&one, tenant).await, tenant_mark(&two, tenant).await);
            marks.insert(tenant_mark(&one, tenant).await);
            for user in ["u1", "u2", "acme"] {
                assert_eq!(user_mark(&two, tenant, user).await, user_mark(&one, tenant, user).await);
                marks.insert(user_mark(&one, tenant, user).await);
            }
        }
        assert_eq!(marks.len(), 12);
        let owner = one.owner("acme").unwrap();
        assert_eq!(mark(&two.find(owner).await.unwrap()), tenant_mark(&one, "acme").await);
    }
}

#[tokio::test]
async fn who_reads_makes_no_key() {
    let (_folder, stores) = stores();
    for store in stores {
        let keyring = attentive(store.clone());
        let owner = keyring.owner("acme").unwrap();
        let error = keyring.find(owner).await.unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{error}");
        assert_eq!(error.code(), "TG725");
        assert!(store.list("keys").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn neither_names_nor_bytes_nor_errors_tell_whose_a_key_is() {
    let files = Arc::new(InMemory::new());
    let keyring = attentive(Store::new(Arc::clone(&files) as Arc<dyn ObjectStore>));
    user_mark(&keyring, "acme-industries", "alice-token").await;
    keyring.destroy_user("acme-industries", "alice-token").await.unwrap();
    let owner = keyring.owner_user(keyring.owner("acme-industries").unwrap(), "alice-token").unwrap();
    let mut shown = format!("{keyring:?} {:?}", keyring.key(owner).await.unwrap_err());
    keyring.destroy("acme-industries").await.unwrap();
    shown += &format!("{} {:?}", keyring.key(owner).await.unwrap_err(), keyring.destroyed().await.unwrap());
    let plain = Store::new(Arc::clone(&files) as Arc<dyn ObjectStore>);
    let paths = plain.list("keys").await.unwrap();
    assert_eq!(paths.len(), 4, "{paths:?}");
    for path in paths {
        let bytes = files.get(&path.as_str().into()).await.unwrap().bytes().await.unwrap();
        shown += &format!("{path} {}", String::from_utf8_lossy(&bytes));
    }
    for secret in ["acme", "alice", &"5a".repeat(32), "ZZZZ"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn another_master_or_a_changed_file_is_told_apart() {
    let files = Arc::new(InMemory::new());
    let store = Store::new(Arc::clone(&files) as Arc<dyn ObjectStore>);
    tenant_mark(&attentive(store.clone()), "acme").await;
    let other: MasterKey = "6b".repeat(32).parse().unwrap();
    let other = Keyring::open(store.clone(), other, Limits::default());
    // Another master names other files: it finds nothing, and what it is led to it cannot unwrap.
    let error = other.find(attentive(store.clone()).owner("acme").unwrap()).await.unwrap_err();
    assert!(matches!(&error, Error::OtherMaster { .. }), "{error}");
    assert_eq!(error.code(), "TG721");

    let path = store.list("keys/ring").await.unwrap().remove(0);
    files.put(&path.as_str().into(), "nonsense".into()).await.unwrap();
    let error = Keyring::open(store, master(), Limits::default());
    let error = error.key(error.owner("acme").unwrap()).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { .. }), "{error}");
    assert_eq!(error.code(), "TG722");
}
