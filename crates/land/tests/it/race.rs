//! Several processes that land one producer's arrivals at once land each of them once.

use std::sync::Arc;

use object_store::memory::InMemory;
use tidegate_land::Error;

use super::*;

const LAST: u64 = 60;

/// Sends up to [`LAST`] in windows of `width`, and from what is landed again when it was overtaken.
async fn send(landing: &Landing, width: u64) {
    let mut next = 1;
    while next <= LAST {
        let last = LAST.min(next + width - 1);
        let sent = (next..=last).map(|sequence| landing.put(arrival("p", sequence)));
        let answers = futures::future::join_all(sent).await;
        next = match answers.into_iter().find_map(Result::err) {
            None => last + 1,
            Some(Error::Overtaken { .. } | Error::Gap { .. }) => landing.position(&producer("p")).await.unwrap() + 1,
            Some(error) => panic!("{error}"),
        };
    }
}

async fn check(store: Store) {
    let landings: Vec<Landing> = (0..4).map(|_| open(&store, quick())).collect();
    futures::join!(send(&landings[0], 1), send(&landings[1], 3), send(&landings[2], 7), send(&landings[3], 20));
    assert_once(&store, "p", LAST).await;
}

#[tokio::test(start_paused = true)]
async fn in_memory() {
    check(Store::new(Arc::new(InMemory::new()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    check(Store::open_local(&folder).unwrap()).await;
}
