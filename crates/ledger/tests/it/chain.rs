//! A log grows by one record at a time, and notices what was done to it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tidegate_ledger::{Chain, Digest, Error, Fault, Store, encode, file_name};

use crate::stores;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Fact {
    Commit { epoch: u64, by: String },
    Charge { nano: i64 },
}

fn commit(epoch: u64) -> Fact {
    Fact::Commit { epoch, by: "me".into() }
}

async fn open(store: &Store) -> (Chain<Fact>, Vec<Fact>) {
    let (chain, records) = Chain::open(store.clone(), "commits").await.unwrap();
    (chain, records.into_iter().map(|r| r.body).collect())
}

async fn fault(store: &Store) -> (String, Fault) {
    match Chain::<Fact>::open(store.clone(), "commits").await {
        Err(Error::Damaged { file, fault }) => (file, fault),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_appended_is_there_when_it_is_opened_again() {
    let (_folder, stores) = stores();
    for store in stores {
        let (mut chain, facts) = open(&store).await;
        assert!(facts.is_empty() && chain.is_empty());
        assert_eq!(chain.head(), Digest::ZERO);
        let first = chain.append(commit(0)).await.unwrap();
        let second = chain.append(Fact::Charge { nano: -5 }).await.unwrap();
        assert_eq!((first.seq, first.prev), (0, Digest::ZERO));
        assert_eq!((second.seq, second.prev), (1, first.digest));

        let (mut again, facts) = open(&store).await;
        assert_eq!(facts, [commit(0), Fact::Charge { nano: -5 }]);
        assert_eq!((again.len(), again.head()), (2, chain.head()));
        again.append(commit(1)).await.unwrap();
        assert_eq!(open(&store).await.1.len(), 3);
        assert_eq!(store.list("log").await.unwrap()[2], "log/commits/00000000000000000002.json");
    }
}

#[tokio::test]
async fn logs_do_not_see_each_other() {
    let (_folder, [store, ..]) = stores();
    let (mut chain, _) = open(&store).await;
    chain.append(commit(0)).await.unwrap();
    let (other, records) = Chain::<Fact>::open(store.clone(), "commits-2").await.unwrap();
    assert!(other.is_empty() && records.is_empty());
    for name in ["", "a/b", "..", "a b", "é"] {
        assert!(matches!(Chain::<Fact>::open(store.clone(), name).await, Err(Error::InvalidName { .. })), "{name}");
    }
}

#[tokio::test]
async fn of_two_writers_one_gets_a_conflict() {
    let (_folder, stores) = stores();
    for store in stores {
        let (mut one, _) = open(&store).await;
        let (mut two, _) = open(&store).await;
        one.append(commit(0)).await.unwrap();
        let error = two.append(commit(7)).await.unwrap_err();
        assert!(matches!(error, Error::Conflict { seq: 0, .. }));
        assert!(error.to_string().starts_with("another process committed to this project"));
        assert!(matches!(two.append(commit(8)).await, Err(Error::Conflict { seq: 0, .. })), "it stays of no use");
        one.append(commit(1)).await.unwrap();
        assert_eq!(open(&store).await.1, [commit(0), commit(1)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_writers_never_lose_or_double_a_record() {
    let (_folder, stores) = stores();
    for store in stores {
        let writers = (0..4).map(|writer: u64| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut written = 0;
                while written < 5 {
                    let (mut chain, _) = open(&store).await;
                    match chain.append(commit(writer * 100 + written)).await {
                        Ok(_) => written += 1,
                        Err(Error::Conflict { .. }) => {}
                        Err(e) => panic!("{e}"),
                    }
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        let (_, facts) = open(&store).await;
        let epoch = |fact: &Fact| match fact {
            Fact::Commit { epoch, .. } => *epoch,
            Fact::Charge { .. } => unreachable!(),
        };
        let mut epochs: Vec<u64> = facts.iter().map(epoch).collect();
        epochs.sort_unstable();
        let expected: Vec<u64> = (0..4).flat_map(|w| (0..5).map(move |n| w * 100 + n)).collect();
        assert_eq!(epochs, expected);
    }
}

#[tokio::test]
async fn finding_its_own_record_is_a_success() {
    let (_folder, [store, ..]) = stores();
    let (mut chain, _) = open(&store).await;
    // As if the write had succeeded and its answer had been lost.
    let bytes = encode(0, Digest::ZERO, &commit(0)).unwrap();
    let _ = store.create(&format!("log/commits/{}", file_name(0)), Bytes::from(bytes)).await.unwrap();
    assert_eq!(chain.append(commit(0)).await.unwrap().seq, 0);
    assert_eq!(chain.append(commit(1)).await.unwrap().seq, 1);
    assert_eq!(open(&store).await.1, [commit(0), commit(1)]);
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let (_folder, [store, ..]) = stores();
    let (mut chain, _) = open(&store).await;
    for epoch in 0..3 {
        chain.append(commit(epoch)).await.unwrap();
    }
    let file = |seq| format!("log/commits/{}", file_name(seq));
    let whole = store.get(&file(2)).await.unwrap().unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1;
        store.replace(&file(2), bytes.into()).await.unwrap();
        assert_eq!(fault(&store).await.0, file(2), "the last record, byte {at}");
    }
    store.replace(&file(2), whole).await.unwrap();
    assert_eq!(open(&store).await.1.len(), 3);

    let middle = store.get(&file(1)).await.unwrap().unwrap();
    store.delete(&file(1)).await.unwrap();
    assert_eq!(fault(&store).await, (file(1), Fault::Missing));
    store.replace(&file(1), middle).await.unwrap();

    store.replace("log/commits/notes.txt", Bytes::new()).await.unwrap();
    assert_eq!(fault(&store).await, ("log/commits/notes.txt".to_string(), Fault::Stranger));
}

#[tokio::test]
async fn a_chain_that_catches_up_goes_on_from_there() {
    let (_folder, stores) = stores();
    for store in stores {
        let (mut one, _) = open(&store).await;
        let (mut two, _) = open(&store).await;
        assert_eq!(two.catch_up().await.unwrap(), []);
        let first = one.append(commit(0)).await.unwrap();
        let second = one.append(commit(1)).await.unwrap();
        assert!(matches!(two.append(commit(7)).await, Err(Error::Conflict { seq: 0, .. })));
        assert_eq!(two.catch_up().await.unwrap(), [first, second]);
        assert_eq!((two.len(), two.head()), (one.len(), one.head()));
        two.append(commit(2)).await.unwrap();
        assert_eq!(open(&store).await.1, [commit(0), commit(1), commit(2)]);
    }
}

#[tokio::test]
async fn a_chain_that_cannot_catch_up_stays_where_it_is() {
    let (_folder, [store, ..]) = stores();
    let (mut one, _) = open(&store).await;
    let (mut two, _) = open(&store).await;
    for epoch in 0..3 {
        one.append(commit(epoch)).await.unwrap();
    }
    let file = format!("log/commits/{}", file_name(2));
    let whole = store.get(&file).await.unwrap().unwrap();
    store.replace(&file, whole.slice(1..)).await.unwrap();
    assert!(matches!(two.catch_up().await, Err(Error::Damaged { file: damaged, .. }) if damaged == file));
    // Otherwise the first two records would be lost to it.
    assert_eq!((two.len(), two.head()), (0, Digest::ZERO));
    store.replace(&file, whole).await.unwrap();
    assert_eq!(two.catch_up().await.unwrap().len(), 3);
}
