//! Evidence whose key is destroyed is gone, for good, and the rest is not.

use tidegate_vault::{Error, Outcome};

use crate::{Trail, evidence, keyring, now, read, reader, stores, vault};

#[tokio::test]
async fn a_destroyed_user_takes_its_evidence_along() {
    let (_folder, stores) = stores();
    for store in stores {
        let vault = vault(&store);
        let batch =
            [evidence("acme", Some("u1"), "one"), evidence("acme", Some("u2"), "two"), evidence("acme", None, "six")];
        let references: Vec<_> = vault.put_batch(&batch, now()).await.unwrap().into_iter().flatten().collect();
        keyring(store.clone()).destroy_user("acme", "u1").await.unwrap();

        let trail = Trail::default();
        let error = vault.get(references[0], &reader(), now(), &trail).await.unwrap_err();
        assert!(matches!(error, Error::Destroyed { of_user: true, .. }), "{error}");
        assert_eq!(error.code(), "TG733");
        assert_eq!(trail.outcomes(), [Outcome::Destroyed]);
        assert_eq!(read(&vault, references[1]).await.unwrap().bytes.as_slice(), b"two");
        assert_eq!(read(&vault, references[2]).await.unwrap().bytes.as_slice(), b"six");

        // What comes about the user later is dropped, and the rest of its batch kept.
        let later = vault.put_batch(&batch, now()).await.unwrap();
        assert_eq!(later.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(read(&vault, later[1].unwrap()).await.unwrap().bytes.as_slice(), b"two");
        assert_eq!(vault.put(batch[0], now()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_destroyed_tenant_takes_all_evidence_along_and_gives_no_more() {
    let (_folder, stores) = stores();
    for store in stores {
        let vault = vault(&store);
        let batch =
            [evidence("acme", Some("u1"), "one"), evidence("acme", None, "two"), evidence("globex", None, "six")];
        let references: Vec<_> = vault.put_batch(&batch, now()).await.unwrap().into_iter().flatten().collect();
        keyring(store.clone()).destroy("acme").await.unwrap();
        for reference in &references[..2] {
            let error = read(&vault, *reference).await.unwrap_err();
            assert!(matches!(error, Error::Destroyed { of_user: false, .. }), "{error}");
        }
        assert_eq!(read(&vault, references[2]).await.unwrap().bytes.as_slice(), b"six");
        for text in [batch[0], batch[1]] {
            assert_eq!(vault.put(text, now()).await.unwrap_err().code(), "TG723");
        }
        vault.put(batch[2], now()).await.unwrap().unwrap();

        // Its objects are of no use to anybody, and go.
        let dry = vault.retention(now(), true).await.unwrap();
        assert_eq!((dry.destroyed_objects, dry.kept_objects), (1, 2));
        assert_eq!(vault.retention(now(), false).await.unwrap().destroyed_objects, 1);
        assert_eq!(vault.retention(now(), false).await.unwrap().destroyed_objects, 0);
    }
}
