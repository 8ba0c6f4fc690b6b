//! Every changed bit, every file that is missing or too many is named; nothing else is.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use tidegate_audit::tile;
use tidegate_audit::{Damage, Fault};
use tokio::runtime::Runtime;

use super::*;

fn path(file: &str) -> String {
    format!("{FOLDER}/{file}")
}

/// Whether the bytes of a file follow from others, so that the wrong byte is known.
fn follows(file: &str) -> bool {
    file.starts_with("audit/tile/") && !file.starts_with("audit/tile/entries")
}

async fn check_flip(files: &Files, file: &str, at: usize, bit: u8) {
    let mut changed = files.clone();
    let mut bytes = changed[file].to_vec();
    bytes[at] ^= 1 << bit;
    changed.insert(file.to_owned(), bytes.into());
    let found = damage(&lay(&changed, in_memory()).await).await;
    let Some(Damage { file: named, offset, .. }) = found else { panic!("bit {bit} of byte {at} of {file}: unnoticed") };
    assert_eq!(named, file, "bit {bit} of byte {at}");
    assert!(offset <= at as u64, "{file}: {offset} instead of {at}");
    assert!(offset == at as u64 || !follows(file), "{file}: {offset} instead of {at}");
}

#[tokio::test]
async fn a_bit_of_any_byte_of_a_small_log_is_named() {
    let files = written(2).await;
    assert_eq!(files.len(), 5);
    for (file, bytes) in &files {
        for at in 0..bytes.len() {
            check_flip(&files, file, at, (at % 8) as u8).await;
        }
    }
}

#[test]
fn a_bit_of_any_file_of_a_larger_log_is_named() {
    let runtime = Runtime::new().unwrap();
    let files = runtime.block_on(written(MANY));
    let names: Vec<&String> = files.keys().collect();
    let strategy = (any::<Index>(), any::<Index>(), 0_u8..8);
    let checked = TestRunner::new(Config::with_cases(64)).run(&strategy, |(file, at, bit)| {
        let file = names[file.index(names.len())];
        let at = at.index(files[file].len());
        runtime.block_on(check_flip(&files, file, at, bit));
        Ok(())
    });
    checked.unwrap();
}

#[tokio::test]
async fn a_file_that_is_missing_is_named() {
    let files = written(MANY).await;
    let expected = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/0/001.p/2",
        "tile/0/001.p/3",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/1",
        "tile/entries/001.p/2",
        "tile/entries/001.p/3",
    ];
    assert!(files.keys().eq(expected.map(path).iter()), "{:?}", files.keys());
    for file in files.keys() {
        let mut fewer = files.clone();
        fewer.remove(file);
        let found = damage(&lay(&fewer, in_memory()).await).await;
        assert_eq!(found, Some(Damage { file: file.clone(), offset: 0, what: Fault::Missing }));
    }
    assert_eq!(damage(&in_memory()).await.map(|damage| damage.file), Some(path("checkpoint")));
}

#[tokio::test]
async fn a_file_that_is_cut_off_or_goes_on_is_named() {
    let files = written(3).await;
    for (file, bytes) in &files {
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let mut cut = files.clone();
            cut.insert(file.clone(), bytes.slice(..length));
            let found = damage(&lay(&cut, in_memory()).await).await.unwrap();
            assert_eq!(&found.file, file, "{length}: {found}");
            assert!(found.offset <= length as u64, "{length}: {found}");
        }
        let mut longer = files.clone();
        longer.insert(file.clone(), [bytes, &b"\0"[..]].concat().into());
        assert_eq!(&damage(&lay(&longer, in_memory()).await).await.unwrap().file, file);
    }
}

#[tokio::test]
async fn a_file_that_is_too_many_is_named() {
    let files = written(3).await;
    let check = async |file: &str, what: Fault| {
        let mut more = files.clone();
        more.insert(path(file), Bytes::from_static(b"x"));
        let found = damage(&lay(&more, in_memory()).await).await;
        assert_eq!(found, Some(Damage { file: path(file), offset: 0, what }));
    };
    check("notes.txt", Fault::Stranger).await;
    check("tile/entries/0", Fault::Stranger).await;
    check("tile/entries/000.p/4", Fault::Beyond { size: 3 }).await;
    check("tile/entries/000", Fault::Beyond { size: 3 }).await;
    check("tile/0/001", Fault::Beyond { size: 3 }).await;
    check("tile/1/000.p/1", Fault::Beyond { size: 3 }).await;
    check("tile/9/000.p/1", Fault::Beyond { size: 3 }).await;
}

/// As somebody could do it who may sign envelopes, but not the log.
#[tokio::test]
async fn an_entry_that_was_replaced_by_another_signed_one_is_named() {
    let mut files = written(3).await;
    for width in 1..=3 {
        let mut bundle = Vec::new();
        for number in [0, 7, 2].into_iter().take(width) {
            tile::push_entry(&mut bundle, &envelope(number)).unwrap();
        }
        files.insert(path(&format!("tile/entries/000.p/{width}")), bundle.into());
    }
    let found = damage(&lay(&files, in_memory()).await).await;
    let offset = 2 + envelope(0).len() as u64;
    let what = Fault::Replaced { index: 1 };
    assert_eq!(found, Some(Damage { file: path("tile/entries/000.p/3"), offset, what }));
}

#[tokio::test]
async fn what_a_full_file_supersedes_is_checked_while_it_is_there() {
    let mut files = written(MANY).await;
    let hashes = files[&path("tile/0/000")].slice(..64);
    files.insert(path("tile/0/000.p/2"), hashes);
    assert_eq!(damage(&lay(&files, in_memory()).await).await, None);
    files.insert(path("tile/0/000.p/2"), Bytes::from_static(&[0; 64]));
    let file = path("tile/0/000.p/2");
    assert_eq!(damage(&lay(&files, in_memory()).await).await, Some(Damage { file, offset: 0, what: Fault::Changed }));
}

#[tokio::test]
async fn a_signer_who_is_not_known_is_named() {
    let files = written(1).await;
    let reader = reader(&lay(&files, in_memory()).await);
    let error = reader.verify(&Keyring::default()).await.unwrap_err();
    let Error::Damaged(damage) = error else { panic!("{error}") };
    assert_eq!(damage.file, path("tile/entries/000.p/1"));
    assert!(damage.to_string().contains("not on the keyring"), "{damage}");
}

/// Of several wrong files the same one is told each time.
#[tokio::test]
async fn the_answer_is_the_same_each_time() {
    let mut files = written(MANY).await;
    for file in ["tile/0/000", "tile/0/001.p/2", "tile/1/000.p/1"].map(path) {
        let mut bytes = files[&file].to_vec();
        bytes[5] ^= 1;
        files.insert(file, bytes.into());
    }
    let store = lay(&files, in_memory()).await;
    let expected = Some(Damage { file: path("tile/0/000"), offset: 5, what: Fault::Changed });
    for _ in 0..3 {
        assert_eq!(damage(&store).await, expected);
    }
}
