//! What lies below sealed folders can be read with the key, and not changed, cut off or moved unseen.

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use proptest::prelude::*;
use tidegate_ledger::{Error, SealKey, Store};

use crate::stores;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn key(text: &str) -> SealKey {
    text.parse().unwrap()
}

fn other() -> SealKey {
    key(&KEY.replace("00", "ff"))
}

/// A file that fills `length` bytes.
fn file(length: usize) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn every_store_reads_back_what_it_sealed() {
    let (_folder, stores) = stores();
    for plain in stores {
        let store = plain.clone().sealed(key(KEY), ["state"]);
        for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
            let path = format!("state/{length}");
            store.replace(&path, file(length)).await.unwrap();
            assert_eq!(store.get(&path).await.unwrap(), Some(file(length)), "{length}");
            assert!(matches!(plain.get(&path).await, Err(Error::Sealed { given_key: None, .. })));
            assert!(matches!(plain.get_range(&path, 0..9).await, Err(Error::Sealed { .. })));
            let locked = plain.clone().sealed(other(), ["state"]);
            assert!(matches!(locked.get(&path).await, Err(Error::Sealed { given_key: Some(_), .. })));
            assert!(matches!(locked.get_range(&path, 0..9).await, Err(Error::Sealed { .. })));
        }
        store.replace("released/a", file(9)).await.unwrap();
        assert_eq!(plain.get("released/a").await.unwrap(), Some(file(9)), "only private folders are sealed");
        plain.replace("state/old", file(9)).await.unwrap();
        assert_eq!(store.get("state/old").await.unwrap(), Some(file(9)), "what was there before stays readable");
        assert_eq!(store.get_range("state/old", 2..4).await.unwrap(), Some(file(4).slice(2..4)));
        assert_eq!(store.get("state/none").await.unwrap(), None);
        assert_eq!(store.get_range("state/none", 0..1).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_file_that_was_changed_cut_off_or_moved_is_noticed() {
    let objects = Arc::new(InMemory::new());
    let store = Store::new(Arc::clone(&objects) as _).sealed(key(KEY), ["state"]);
    store.replace("state/a", file(150_000)).await.unwrap();
    let sealed = objects.get(&"state/a".into()).await.unwrap().bytes().await.unwrap();
    let put = async |path: &str, bytes: Vec<u8>| {
        objects.put(&path.into(), bytes.into()).await.unwrap();
        store.get(path).await
    };
    for at in [20, 47, 48, 70_000, sealed.len() - 1] {
        let mut changed = sealed.to_vec();
        changed[at] ^= 1;
        assert!(matches!(put("state/a", changed).await, Err(Error::BrokenSeal { .. })), "byte {at}");
    }
    for length in [10, 47, 48, 60, 48 + 65_552, 48 + 2 * 65_552, sealed.len() - 1] {
        let cut = put("state/a", sealed[..length].to_vec()).await;
        assert!(matches!(cut, Err(Error::BrokenSeal { .. })), "cut off at {length}: {cut:?}");
    }
    assert!(matches!(put("state/b", sealed.to_vec()).await, Err(Error::BrokenSeal { .. })), "moved");
    let mut swapped = sealed.to_vec();
    swapped[48..48 + 2 * 65_552].rotate_left(65_552);
    assert!(matches!(put("state/a", swapped).await, Err(Error::BrokenSeal { .. })), "chunks in another order");
    assert_eq!(put("state/a", sealed.to_vec()).await.unwrap(), Some(file(150_000)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_range_is_what_it_is_of_the_whole(length in 1_usize..200_000, from in 0_usize..200_000, count in 1_usize..150_000) {
        let from = from % length;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Store::new(Arc::new(InMemory::new()));
            let store = store.sealed(key(KEY), ["state"]);
            store.replace("state/a", file(length)).await.unwrap();
            let read = store.get_range("state/a", from as u64..(from + count) as u64).await.unwrap().unwrap();
            assert_eq!(read, file(length).slice(from..length.min(from + count)));
        });
    }
}

#[test]
fn a_key_is_64_hex_digits() {
    for wrong in ["", "00", &KEY[1..], &format!("{KEY}0"), &KEY.replace('0', "g")] {
        assert!(wrong.parse::<SealKey>().is_err(), "{wrong}");
    }
    assert_eq!(key(&format!(" {}\n", KEY.to_uppercase())), key(KEY));
    let shown = format!("{:?}", key(KEY));
    assert!(!shown.contains("0102") && shown.len() < 30, "{shown}");
}
