//! What is shown about a log, and what it costs.

use tidegate_testkit::faulty::{Faults, Faulty};

use super::*;

#[tokio::test]
async fn every_entry_is_shown_to_be_in_the_log_and_no_other() {
    let store = lay(&written(MANY).await, in_memory()).await;
    let (reader, key) = (reader(&store), log_key().public());
    for number in 0..MANY {
        let inclusion = reader.prove_inclusion(number as u64).await.unwrap();
        let checkpoint = inclusion.verify(&envelope(number), ORIGIN, &key).unwrap();
        assert_eq!(checkpoint.size, MANY as u64);
        assert!(inclusion.verify(&envelope(number + 1), ORIGIN, &key).is_err());
        assert_eq!(reader.entry(number as u64).await.unwrap(), envelope(number));
    }
    let index = MANY as u64;
    assert!(
        matches!(reader.prove_inclusion(index).await, Err(Error::NoEntry { index: i, size: s }) if (i, s) == (index, index))
    );
    assert!(matches!(reader.entry(index).await, Err(Error::NoEntry { .. })));
}

#[tokio::test]
async fn the_log_begins_with_each_of_its_older_checkpoints() {
    let store = in_memory();
    let mut log = open(&store).await;
    let mut kept = vec![log.reader().checkpoint().await.unwrap().unwrap()];
    for number in 0..MANY {
        log.append(&envelope(number)).await.unwrap();
        kept.push(log.reader().checkpoint().await.unwrap().unwrap());
    }
    for old in &kept {
        assert_eq!(log.reader().verify_consistency(old).await.unwrap().size, MANY as u64);
    }
}

/// By the holder of every key: the log itself is in order.
#[tokio::test]
async fn a_log_that_was_written_anew_or_cut_off_is_noticed_by_who_kept_a_checkpoint() {
    let kept = reader(&lay(&written(5).await, in_memory()).await).checkpoint().await.unwrap().unwrap();
    let store = in_memory();
    let mut anew = open(&store).await;
    for number in [0, 1, 7, 3, 4, 5] {
        anew.append(&envelope(number)).await.unwrap();
    }
    assert_eq!(damage(&store).await, None);
    let error = anew.reader().verify_consistency(&kept).await.unwrap_err();
    assert!(matches!(error, Error::Rewritten { old: 5, new: 6 }), "{error}");

    let cut = lay(&written(4).await, in_memory()).await;
    let error = reader(&cut).verify_consistency(&kept).await.unwrap_err();
    assert!(matches!(error, Error::Rewritten { old: 5, new: 4 }), "{error}");
}

#[tokio::test]
async fn a_tile_that_was_changed_proves_nothing() {
    let mut files = written(MANY).await;
    let mut tile = files["audit/tile/0/000"].to_vec();
    tile[0] ^= 1;
    files.insert("audit/tile/0/000".into(), tile.into());
    let store = lay(&files, in_memory()).await;
    assert!(matches!(reader(&store).prove_inclusion(1).await, Err(Error::Damaged(_))));
    // The right edge does not lead through it, but whoever looks for an entry comes by it.
    let mut log = open(&store).await;
    assert!(matches!(log.append_once(&envelope(MANY)).await, Err(Error::Damaged(_))));
}

/// Neither opening nor appending nor proving reads what lies left of the edge.
#[tokio::test]
async fn a_longer_log_costs_no_more_requests() {
    let requests = async |count: usize| {
        let files = written(count).await;
        let objects = Arc::new(InMemory::new());
        lay(&files, Store::new(Arc::clone(&objects) as Arc<_>)).await;
        let counting = Arc::new(Faulty::new(objects, 0, Faults::default()));
        let store = Store::new(Arc::clone(&counting) as Arc<_>);
        let mut log = open(&store).await;
        let opened = counting.operations();
        log.append(&envelope(count)).await.unwrap();
        let appended = counting.operations();
        log.reader().prove_inclusion(1).await.unwrap();
        [opened, appended - opened, counting.operations() - appended]
    };
    // The second has a level more: one tile of it to read at the edge, one on the way of a proof, and a folder to look into.
    let (short, long) = (requests(30).await, requests(3 * 256 + 30).await);
    assert_eq!(short[1], long[1], "{short:?} {long:?}");
    assert!(long[0] <= short[0] + 4 && long[2] <= short[2] + 2, "{short:?} {long:?}");
}
