//! A destroyed key is destroyed: for everybody, for good, and nothing else is.

use tidegate_keyring::Error;

use crate::{attentive, stores, tenant_mark, trusting, user_mark};

#[tokio::test]
async fn a_destroyed_tenant_has_no_key_and_gets_none_anew() {
    let (_folder, stores) = stores();
    for store in stores {
        let (one, two) = (attentive(store.clone()), attentive(store.clone()));
        let globex = tenant_mark(&one, "globex").await;
        tenant_mark(&two, "acme").await;
        user_mark(&two, "acme", "u1").await;
        for _ in 0..2 {
            one.destroy("acme").await.unwrap();
            one.destroy("never was").await.unwrap();
            for keyring in [&one, &two, &trusting(store.clone())] {
                for tenant in ["acme", "never was"] {
                    let owner = keyring.owner(tenant).unwrap();
                    let error = keyring.key(owner).await.unwrap_err();
                    assert!(matches!(error, Error::TenantDestroyed { .. }), "{error}");
                    assert_eq!(error.code(), "TG723");
                    assert!(matches!(keyring.find(owner).await, Err(Error::TenantDestroyed { .. })));
                    let user = keyring.owner_user(owner, "u1").unwrap();
                    assert!(matches!(keyring.key(user).await, Err(Error::TenantDestroyed { .. })));
                    assert!(matches!(keyring.find(user).await, Err(Error::TenantDestroyed { .. })));
                    assert!(keyring.destroyed().await.unwrap().covers(user));
                }
                assert_eq!(tenant_mark(keyring, "globex").await, globex);
            }
        }
        for path in store.list("keys/ring").await.unwrap() {
            let is_globex = path.contains(&one.owner("globex").unwrap().to_string());
            let bytes = store.get(&path).await.unwrap().unwrap();
            assert_eq!(bytes.starts_with(b"TGKEY001"), is_globex, "{path}");
        }
    }
}

#[tokio::test]
async fn a_destroyed_user_is_destroyed_alone() {
    let (_folder, stores) = stores();
    for store in stores {
        let keyring = attentive(store);
        let tenant = keyring.owner("acme").unwrap();
        let (acme, other) = (tenant_mark(&keyring, "acme").await, user_mark(&keyring, "acme", "u2").await);
        user_mark(&keyring, "acme", "u1").await;
        user_mark(&keyring, "globex", "u1").await;
        assert!(keyring.erased_users(tenant).await.unwrap().is_none());
        for _ in 0..2 {
            keyring.destroy_user("acme", "u1").await.unwrap();
            let user = keyring.owner_user(tenant, "u1").unwrap();
            let error = keyring.key(user).await.unwrap_err();
            assert!(matches!(error, Error::UserDestroyed { .. }), "{error}");
            assert_eq!(error.code(), "TG724");
            assert!(matches!(keyring.find(user).await, Err(Error::UserDestroyed { .. })));
            let erased = keyring.erased_users(tenant).await.unwrap().unwrap();
            assert!(erased.contains("u1") && !erased.contains("u2"));
            assert!(keyring.erased_users(keyring.owner("globex").unwrap()).await.unwrap().is_none());
            assert_eq!(tenant_mark(&keyring, "acme").await, acme);
            assert_eq!(user_mark(&keyring, "acme", "u2").await, other);
            user_mark(&keyring, "globex", "u1").await;
        }
    }
}

#[tokio::test]
async fn a_writer_hears_of_it_when_it_asks_again_and_a_reader_at_once() {
    let (_folder, stores) = stores();
    for store in stores {
        let (late, early) = (trusting(store.clone()), attentive(store.clone()));
        let owner = late.owner("acme").unwrap();
        late.key(owner).await.unwrap();
        early.key(owner).await.unwrap();
        trusting(store).destroy("acme").await.unwrap();
        assert!(late.key(owner).await.is_ok(), "it believes what it read");
        assert!(matches!(late.find(owner).await, Err(Error::TenantDestroyed { .. })));
        assert!(matches!(early.key(owner).await, Err(Error::TenantDestroyed { .. })));
    }
}
