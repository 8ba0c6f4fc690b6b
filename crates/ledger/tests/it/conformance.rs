//! What every store must do, tried with each: a local disk, memory, S3 by moto, Azure by Azurite. And what must be refused: S3
//! by s3rver, which takes a condition and ignores it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tidegate_ledger::{Chain, Created, Error, Store};
use tidegate_testkit::servers::{Kind, Server};

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// A store that is empty.
fn opened(server: &Server, prefix: &str) -> Store {
    Store::open_url(&server.url(prefix), server.env(server.port())).unwrap()
}

/// Everything, one after the other: starting a server takes longer than all of it.
async fn conforms(store: Store) {
    store.reach().await.unwrap();
    store.probe().await.unwrap();
    files_are_created_once_and_replaced(&store).await;
    of_many_writers_one_creates(&store).await;
    parts_and_sizes(&store).await;
    odd_names(&store).await;
    a_large_file(&store).await;
    a_log(&store).await;
    others_read_the_same(&store).await;
}

async fn files_are_created_once_and_replaced(store: &Store) {
    assert_eq!(store.get("a/b").await.unwrap(), None);
    assert!(store.list("a").await.unwrap().is_empty());
    store.delete("a/b").await.unwrap();
    assert_eq!(store.create("a/b", bytes("1")).await.unwrap(), Created::New);
    assert_eq!(store.create("a/b", bytes("2")).await.unwrap(), Created::AlreadyExists);
    assert_eq!(store.get("a/b").await.unwrap(), Some(bytes("1")));
    store.replace("a/b", bytes("3")).await.unwrap();
    store.replace("a/new", bytes("")).await.unwrap();
    assert_eq!(store.get("a/b").await.unwrap(), Some(bytes("3")));
    assert_eq!(store.get("a/new").await.unwrap(), Some(bytes("")));
    assert_eq!(store.list("a").await.unwrap(), ["a/b", "a/new"]);
    store.delete("a/b").await.unwrap();
    store.delete("a/b").await.unwrap();
    assert_eq!(store.list("a").await.unwrap(), ["a/new"]);
    assert_eq!(store.create("a/b", bytes("4")).await.unwrap(), Created::New, "after it was deleted");
}

async fn of_many_writers_one_creates(store: &Store) {
    for round in 0..4 {
        let path = format!("race/{round}");
        let writers = (0..16).map(|n: u32| {
            let (store, path) = (store.clone(), path.clone());
            tokio::spawn(async move { (n, store.create(&path, Bytes::from(n.to_string())).await.unwrap()) })
        });
        let mut created = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            let (n, outcome) = writer.await.unwrap();
            created.extend((outcome == Created::New).then_some(n));
        }
        let [winner] = created[..] else { panic!("{created:?}") };
        assert_eq!(store.get(&path).await.unwrap(), Some(Bytes::from(winner.to_string())));
    }
}

async fn parts_and_sizes(store: &Store) {
    store.replace("parts/ten", bytes("0123456789")).await.unwrap();
    store.replace("parts/deeper/empty", bytes("")).await.unwrap();
    let sized = store.list_sized("parts").await.unwrap();
    assert_eq!(sized, [("parts/deeper/empty".to_string(), 0), ("parts/ten".to_string(), 10)]);
    assert_eq!(store.get_range("parts/ten", 2..5).await.unwrap(), Some(bytes("234")));
    assert_eq!(store.get_range("parts/ten", 8..100).await.unwrap(), Some(bytes("89")));
    assert_eq!(store.get_range("parts/gone", 0..1).await.unwrap(), None);
}

async fn odd_names(store: &Store) {
    let names = ["x=1%2F2", "a b", "ü", "a+b&c", "#1", "(1)", "~", "signal=é%", "a;b,c:d@e", "'q'"];
    let paths = names.map(|name| format!("odd/{name}/f.json"));
    for path in &paths {
        assert_eq!(store.create(path, Bytes::from(path.clone())).await.unwrap(), Created::New, "{path}");
        assert_eq!(store.create(path, bytes("other")).await.unwrap(), Created::AlreadyExists, "{path}");
        assert_eq!(store.get(path).await.unwrap(), Some(Bytes::from(path.clone())), "{path}");
    }
    let listed = store.list("odd").await.unwrap().into_iter().collect::<BTreeSet<_>>();
    assert_eq!(listed, paths.iter().cloned().collect());
    for path in &paths {
        store.delete(path).await.unwrap();
    }
    assert!(store.list("odd").await.unwrap().is_empty());
}

async fn a_large_file(store: &Store) {
    let large = Bytes::from((0..24_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    assert_eq!(store.create("large", large.clone()).await.unwrap(), Created::New);
    assert_eq!(store.create("large", bytes("small")).await.unwrap(), Created::AlreadyExists);
    assert!(store.get("large").await.unwrap() == Some(large.clone()));
    let part = store.get_range("large", 20_000_000..20_000_010).await.unwrap();
    assert_eq!(part, Some(large.slice(20_000_000..20_000_010)));
}

async fn a_log(store: &Store) {
    let (mut chain, _) = Chain::<String>::open(store.clone(), "commits").await.unwrap();
    let (mut other, _) = Chain::<String>::open(store.clone(), "commits").await.unwrap();
    chain.append("first".to_string()).await.unwrap();
    assert!(matches!(other.append("second".to_string()).await, Err(Error::Conflict { seq: 0, .. })));
    chain.append("second".to_string()).await.unwrap();
    let (_, records) = Chain::<String>::open(store.clone(), "commits").await.unwrap();
    assert_eq!(records.iter().map(|record| record.body.as_str()).collect::<Vec<_>>(), ["first", "second"]);
}

async fn others_read_the_same(store: &Store) {
    let objects = store.objects();
    objects.put(&Path::from("others/x"), PutPayload::from_static(b"1")).await.unwrap();
    assert_eq!(store.get("others/x").await.unwrap(), Some(bytes("1")));
    let listed = objects.list(Some(&Path::from("others"))).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(listed.iter().map(|file| file.location.as_ref()).collect::<Vec<_>>(), ["others/x"]);
    if let (Some(bucket), Some(url)) = (store.bucket(), store.url()) {
        let whole = bucket.get(&Path::parse(url.join("others/x").prefix()).unwrap()).await.unwrap();
        assert_eq!(whole.bytes().await.unwrap(), bytes("1"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_disk_and_memory_conform() {
    let folder = tempfile::tempdir().unwrap();
    conforms(Store::open_url(&format!("file://{}", folder.path().display()), []).unwrap()).await;
    conforms(Store::new(Arc::new(InMemory::new()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_conforms() {
    let Some(server) = Server::start(Kind::Moto).unwrap() else { return };
    conforms(opened(&server, "a/root")).await;
    conforms(opened(&server, "another%20root/")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_conforms() {
    let Some(server) = Server::start(Kind::Azurite).unwrap() else { return };
    conforms(opened(&server, "a/root")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ignores_conditions_is_refused() {
    let Some(server) = Server::start(Kind::S3rver).unwrap() else { return };
    let store = opened(&server, "root");
    let error = store.probe().await.unwrap_err();
    assert!(matches!(&error, Error::NoCreate { store } if store == "s3://tidegate/root"), "{error}");
    assert!(store.list("log").await.unwrap().is_empty());
}

/// An error that is told, and tells no secret.
fn told(error: &Error) -> String {
    let told = format!("{error}");
    for secret in ["S3RVER", "Eby8vdM0", "not the key", "Signature"] {
        assert!(!told.contains(secret), "{told}");
    }
    told
}

#[tokio::test]
async fn what_is_wrong_with_a_store_is_named() {
    let quickly = |store: Store| store.with_pause(|_| async {});
    if let Some(server) = Server::start(Kind::Moto).unwrap() {
        let url = server.url("x").replace("tidegate/", "gone/");
        let store = quickly(Store::open_url(&url, server.env(server.port())).unwrap());
        for error in [
            store.reach().await.unwrap_err(),
            store.get("a").await.unwrap_err(),
            store.list("a").await.unwrap_err(),
            store.create("a", bytes("1")).await.unwrap_err(),
            store.probe().await.unwrap_err(),
        ] {
            assert!(matches!(&error, Error::NoBucket { path, .. } if path.starts_with("s3://gone/x")), "{error}");
            told(&error);
        }
    }
    if let Some(server) = Server::start(Kind::Azurite).unwrap() {
        let url = server.url("x").replace("tidegate/", "gone/");
        let store = quickly(Store::open_url(&url, server.env(server.port())).unwrap());
        let error = store.reach().await.unwrap_err();
        assert!(matches!(&error, Error::NoBucket { .. }), "{error}");
        let env = server.env(server.port()).into_iter().map(|(name, value)| {
            let value = if name.ends_with("KEY") { "bm90IHRoZSBrZXk=".to_owned() } else { value };
            (name, value)
        });
        let store = quickly(Store::open_url(&server.url("x"), env).unwrap());
        let error = store.list("a").await.unwrap_err();
        assert!(matches!(&error, Error::PermissionDenied { .. }), "{error}");
        assert_eq!(told(&error).matches("az://tidegate/x/a").count(), 1, "{error}");
        assert_eq!(format!("{store:?}").matches("bm90").count(), 0);
        assert_eq!(format!("{:?}{:?}", store.objects(), store.bucket()).matches("bm90").count(), 0);
    }
    let env = [
        ("AWS_ACCESS_KEY_ID", "S3RVER"),
        ("AWS_SECRET_ACCESS_KEY", "S3RVER"),
        ("AWS_ENDPOINT", "http://127.0.0.1:1"),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let error = quickly(Store::open_url("s3://b/x", env).unwrap()).reach().await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable { .. }), "{error}");
    let told = told(&error);
    assert!(told.contains("`s3://b/x/log/.reach` cannot be reached") && told.contains("refused"), "{told}");
}
