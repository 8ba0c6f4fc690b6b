//! Files are created once, replaced whole, and found again.

use bytes::Bytes;
use tidegate_ledger::{Created, Error, Store};

use crate::stores;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn every_store_behaves_the_same() {
    let (_folder, stores) = stores();
    for store in stores {
        assert_eq!(store.get("a/b.json").await.unwrap(), None);
        assert!(store.list("a").await.unwrap().is_empty());
        store.delete("a/b.json").await.unwrap();

        assert_eq!(store.create("a/b.json", bytes("1")).await.unwrap(), Created::New);
        assert_eq!(store.create("a/b.json", bytes("2")).await.unwrap(), Created::AlreadyExists);
        assert_eq!(store.get("a/b.json").await.unwrap(), Some(bytes("1")));
        store.replace("a/b.json", bytes("3")).await.unwrap();
        store.replace("a/c/d/e.json", bytes("")).await.unwrap();
        assert_eq!(store.get("a/b.json").await.unwrap(), Some(bytes("3")));
        assert_eq!(store.get("a/c/d/e.json").await.unwrap(), Some(bytes("")));
        assert_eq!(store.create("a/a.json", bytes("4")).await.unwrap(), Created::New);
        assert_eq!(store.create("ab.json", bytes("5")).await.unwrap(), Created::New);
        assert_eq!(store.list("a").await.unwrap(), ["a/a.json", "a/b.json", "a/c/d/e.json"]);

        store.delete("a/b.json").await.unwrap();
        store.delete("a/b.json").await.unwrap();
        assert_eq!(store.get("a/b.json").await.unwrap(), None);
        assert!(matches!(store.get("a//b").await, Err(Error::InvalidPath { .. })));
    }
}

#[tokio::test]
async fn sizes_and_parts_of_files() {
    let (_folder, stores) = stores();
    for store in stores {
        store.replace("a/b.arrow", bytes("0123456789")).await.unwrap();
        store.replace("a/c/empty", bytes("")).await.unwrap();
        let sized = store.list_sized("a").await.unwrap();
        assert_eq!(sized, [("a/b.arrow".to_string(), 10), ("a/c/empty".to_string(), 0)]);
        assert!(store.list_sized("b").await.unwrap().is_empty());

        assert_eq!(store.get_range("a/b.arrow", 2..5).await.unwrap(), Some(bytes("234")));
        assert_eq!(store.get_range("a/b.arrow", 8..100).await.unwrap(), Some(bytes("89")));
        assert_eq!(store.get_range("a/gone", 0..1).await.unwrap(), None);
        assert!(matches!(store.get_range("a/b.arrow", 11..12).await, Err(Error::Store { .. })));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_writers_one_creates() {
    let (_folder, stores) = stores();
    for store in stores {
        let writers = (0..16).map(|n: u32| {
            let store = store.clone();
            tokio::spawn(async move { (n, store.create("new/x", Bytes::from(n.to_string())).await.unwrap()) })
        });
        let mut created = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            let (n, outcome) = writer.await.unwrap();
            created.extend((outcome == Created::New).then_some(n));
        }
        let [winner] = created[..] else { panic!("{created:?}") };
        assert_eq!(store.get("new/x").await.unwrap(), Some(Bytes::from(winner.to_string())));
        assert_eq!(store.list("new").await.unwrap(), ["new/x"]);
    }
}

#[tokio::test]
async fn nothing_staged_is_left_or_listed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_local(&folder).unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/.x#1"), "left by a crash").unwrap();
    assert_eq!(store.create("a/x", bytes("1")).await.unwrap(), Created::New);
    assert_eq!(store.create("a/x", bytes("2")).await.unwrap(), Created::AlreadyExists);
    store.replace("a/x", bytes("3")).await.unwrap();
    assert_eq!(store.list("a").await.unwrap(), ["a/x"]);
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path().join("a")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".x#1", "x"]);
}

#[tokio::test]
async fn a_store_needs_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let error = Store::open_local(&gone).unwrap_err();
    assert!(matches!(&error, Error::NoFolder { path } if *path == gone.display().to_string()), "{error}");
    std::fs::write(&gone, "").unwrap();
    assert!(matches!(Store::open_local(&gone), Err(Error::NoFolder { .. })));
    let store = Store::open_local(&folder).unwrap();
    let error = store.create("gone/x", bytes("")).await.unwrap_err();
    assert!(matches!(&error, Error::Store { path, .. } if path.ends_with("gone/x")), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_missing_permission_names_the_path() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(closed.join("probe"), "").is_ok() {
        return; // Whoever runs this test may do everything.
    }
    let store = Store::open_local(&folder).unwrap();
    let error = store.create("closed/x", bytes("")).await.unwrap_err();
    assert!(matches!(&error, Error::PermissionDenied { path, .. } if path.ends_with("closed/x")), "{error}");
}
