//! What is past its time is removed, and nothing else.

use bytes::Bytes;
use chrono::TimeDelta;
use tidegate_vault::{Error, Evidence, Retention};

use crate::{at, evidence, now, read, stores, vault};

#[tokio::test]
async fn expired_objects_go_at_the_end_of_their_day() {
    let (_folder, stores) = stores();
    for store in stores {
        let vault = vault(&store);
        let batch = [
            Evidence { ttl: TimeDelta::hours(1), ..evidence("acme", None, "today") },
            Evidence { ttl: TimeDelta::hours(13), ..evidence("acme", None, "tomorrow") },
            evidence("globex", None, "next week"),
        ];
        let references: Vec<_> = vault.put_batch(&batch, now()).await.unwrap().into_iter().flatten().collect();
        let _ = store.create("evidence/readme.txt", Bytes::from_static(b"not ours")).await.unwrap();

        let nothing = vault.retention(at("2026-03-01T23:59:59Z"), false).await.unwrap();
        assert_eq!((nothing.expired_objects, nothing.kept_objects, nothing.unknown_files), (0, 3, 1));

        let midnight = at("2026-03-02T00:00:00Z");
        let dry = vault.retention(midnight, true).await.unwrap();
        assert!(dry.dry_run && dry.expired_objects == 1 && dry.kept_objects == 2 && dry.expired_bytes > 0);
        assert_eq!(store.list("evidence").await.unwrap().len(), 4, "a dry run removes nothing");
        let done = vault.retention(midnight, false).await.unwrap();
        assert_eq!(done, Retention { dry_run: false, ..dry });
        assert!(matches!(read(&vault, references[0]).await, Err(Error::Absent { .. })));
        assert!(read(&vault, references[1]).await.is_ok() && read(&vault, references[2]).await.is_ok());
        let again = vault.retention(midnight, false).await.unwrap();
        assert_eq!((again.expired_objects, again.expired_bytes, again.kept_objects), (0, 0, 2));

        let done = vault.retention(at("2027-01-01T00:00:00Z"), false).await.unwrap();
        assert_eq!(done.expired_objects, 2);
        assert_eq!(store.list("evidence").await.unwrap(), ["evidence/readme.txt"]);
    }
}
