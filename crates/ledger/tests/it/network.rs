//! A network that loses requests and answers loses and doubles no record.

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use tidegate_ledger::{Chain, Error, Store};
use tidegate_testkit::proxy::{Action, Proxy};
use tidegate_testkit::servers::{Kind, Server};

/// What becomes of the n-th request: every third one meets something, each time something else.
fn bad_day(n: u64) -> Action {
    if n % 3 != 1 {
        return Action::Forward;
    }
    match n / 3 % 6 {
        0 => Action::slow_down(),
        1 => Action::LoseAnswer,
        2 => Action::Answer(500, "<Error><Code>InternalError</Code></Error>".to_owned()),
        3 => Action::Reset,
        4 => Action::TearAnswer,
        _ => Action::Silence,
    }
}

fn behind(server: &Server, proxy: &Proxy) -> Store {
    let mut env = server.env(proxy.port());
    env.extend(["AWS_TIMEOUT", "AZURE_TIMEOUT"].map(|name| (name.to_owned(), "1 second".to_owned())));
    Store::open_url(&server.url("root"), env).unwrap().with_pause(|_| async {})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_outlives_a_bad_day() {
    for kind in [Kind::Moto, Kind::Azurite] {
        let Some(server) = Server::start(kind).unwrap() else { continue };
        let proxy = Proxy::before(server.port(), |n, _| bad_day(n)).unwrap();
        let store = behind(&server, &proxy);
        store.probe().await.unwrap();
        let (mut chain, _) = Chain::<u32>::open(store.clone(), "commits").await.unwrap();
        for n in 0..20 {
            chain.append(n).await.unwrap();
        }
        let large = Bytes::from(vec![7; 3 << 20]);
        store.replace("large", large.clone()).await.unwrap();
        assert!(store.get("large").await.unwrap() == Some(large.clone()));
        let (_, records) = Chain::<u32>::open(store.clone(), "commits").await.unwrap();
        assert_eq!(records.iter().map(|record| record.body).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
        let objects = store.objects();
        for _ in 0..6 {
            let part = objects.get_range(&Path::from("large"), 7..2_000_000).await.unwrap();
            assert!(part == large.slice(7..2_000_000));
            let listed = objects.list(Some(&Path::from("log"))).try_collect::<Vec<_>>().await.unwrap();
            assert_eq!(listed.len(), 20);
        }
        for n in 0..20 {
            store.delete(&format!("log/commits/{n:020}.json")).await.unwrap();
        }
        assert!(store.list("log").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_never_answers_ends_the_operation() {
    for kind in [Kind::Moto, Kind::Azurite] {
        let Some(server) = Server::start(kind).unwrap() else { continue };
        let proxy = Proxy::before(server.port(), |_, _| Action::Silence).unwrap();
        let error = behind(&server, &proxy).reach().await.unwrap_err();
        assert!(matches!(&error, Error::Unreachable { .. }), "{error}");
    }
}
