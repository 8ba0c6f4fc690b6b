//! A store that does not honour create-if-absent is found out before anything is entrusted to it.

use bytes::Bytes;
use tidegate_ledger::{Chain, Created, Error};

use crate::double::{Condition, Double};
use crate::stores;

#[tokio::test]
async fn honest_stores_pass_and_nothing_is_left() {
    let (_folder, stores) = stores();
    for store in stores {
        store.probe().await.unwrap();
        store.probe().await.unwrap();
        assert!(store.list("log").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_store_that_does_not_honour_the_condition_is_refused() {
    for condition in [Condition::Ignored, Condition::Overwritten, Condition::Unknown] {
        let store = Double::with_condition(condition);
        let error = store.probe().await.unwrap_err();
        assert!(matches!(error, Error::NoCreate { .. }), "{condition:?}: {error}");
        assert_eq!(
            error.to_string(),
            "the store `Double` does not honour create-if-absent: two processes could both think they committed; \
             use a store with conditional writes (S3 since 2024, GCS, Azure, MinIO, a local disk)"
        );
        assert!(store.list("log").await.unwrap().is_empty(), "{condition:?}");
    }
}

#[tokio::test]
async fn a_probe_that_was_left_by_a_crash_is_in_no_log() {
    let (_folder, stores) = stores();
    for store in stores {
        assert_eq!(store.create("log/.probe/0123456789abcdef", Bytes::new()).await.unwrap(), Created::New);
        let (mut chain, _) = Chain::<String>::open(store.clone(), "commits").await.unwrap();
        chain.append("first".to_string()).await.unwrap();
        assert_eq!(Chain::<String>::open(store, "commits").await.unwrap().1.len(), 1);
    }
}
