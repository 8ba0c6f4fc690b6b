//! What is read is what was written, and nothing on the store tells it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use proptest::prelude::*;
use tidegate_vault::{Error, Evidence, EvidenceRef};

use crate::{evidence, in_memory, now, read, stores, vault};

#[tokio::test]
async fn every_text_of_a_batch_is_read_by_its_reference() {
    let (_folder, stores) = stores();
    for store in stores {
        let texts: Vec<String> = (0..500).map(|number| format!("text {number} {}", "x".repeat(number))).collect();
        let users = ["u1", "u2", "u3"];
        let batch: Vec<Evidence<'_>> = texts
            .iter()
            .enumerate()
            .map(|(number, text)| Evidence {
                ttl: TimeDelta::days(1 + number as i64 % 2),
                ..evidence(["acme", "globex"][number % 2], (number % 3 > 0).then_some(users[number % 3]), text)
            })
            .collect();
        let references = vault(&store).put_batch(&batch, now()).await.unwrap();
        assert_eq!(store.list("evidence").await.unwrap().len(), 2, "one object for each tenant and day");
        let references: Vec<EvidenceRef> = references.into_iter().map(Option::unwrap).collect();
        assert_eq!(references.iter().collect::<BTreeSet<_>>().len(), texts.len());
        for (reference, text) in references.iter().zip(&texts) {
            let reference = reference.to_string().parse().unwrap();
            let content = read(&vault(&store), reference).await.unwrap();
            assert_eq!((content.kind.as_str(), content.bytes.as_slice()), ("prompt", text.as_bytes()));
        }
    }
}

#[tokio::test]
async fn neither_names_nor_bytes_nor_debug_tell_what_was_kept() {
    let files = Arc::new(InMemory::new());
    let store = in_memory(&files);
    let text = evidence("acme-industries", Some("alice-token"), "the secret of the text");
    let reference = vault(&store).put(text, now()).await.unwrap().unwrap();
    let content = read(&vault(&store), reference).await.unwrap();
    let mut shown = format!("{text:?} {content:?} {reference:?} {:?}", vault(&store));
    for path in store.list("evidence").await.unwrap() {
        let bytes = files.get(&path.as_str().into()).await.unwrap().bytes().await.unwrap();
        shown += &format!("{path} {}", String::from_utf8_lossy(&bytes));
    }
    for secret in ["acme", "alice", "secret", "text"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn a_record_that_was_changed_cut_off_or_moved_is_noticed() {
    let files = Arc::new(InMemory::new());
    let store = in_memory(&files);
    let vault = vault(&store);
    let batch = [evidence("acme", None, "one"), evidence("acme", Some("u"), "two"), evidence("acme", None, "six")];
    let references: Vec<_> = vault.put_batch(&batch, now()).await.unwrap().into_iter().flatten().collect();
    let path = store.list("evidence").await.unwrap().remove(0);
    let whole = store.get(&path).await.unwrap().unwrap();
    let put = async |bytes: Vec<u8>| files.put(&path.as_str().into(), bytes.into()).await.unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.to_vec();
        changed[at] ^= 1;
        put(changed).await;
        let mut read_right = 0;
        for (reference, text) in references.iter().zip(["one", "two", "six"]) {
            if let Ok(content) = read(&vault, *reference).await {
                assert_eq!(content.bytes.as_slice(), text.as_bytes(), "byte {at}");
                read_right += 1;
            }
        }
        // A changed byte is part of the head, which all need (of it, the higher bytes of a count that is high enough are
        // not missed), or of one record.
        assert!(read_right <= 2 || (8..12).contains(&at), "byte {at}");
        put(whole[..at].to_vec()).await;
        assert!(read(&vault, references[2]).await.is_err(), "cut off at {at}");
    }
    // Entries and records in each other's place.
    let mut swapped = whole.to_vec();
    let (one, six) = (12..48, 84..120);
    let entry = swapped[one.clone()].to_vec();
    swapped.copy_within(six.clone(), one.start);
    swapped[six].copy_from_slice(&entry);
    put(swapped).await;
    for reference in [references[0], references[2]] {
        assert!(matches!(read(&vault, reference).await, Err(Error::Damaged { .. })));
    }
    // An object in the place of another.
    put(whole.to_vec()).await;
    let other = vault.put(evidence("acme", None, "other"), now()).await.unwrap().unwrap();
    let paths = store.list("evidence").await.unwrap();
    let other_path = paths.iter().find(|other| **other != path).unwrap();
    files.put(&other_path.as_str().into(), whole.to_vec().into()).await.unwrap();
    let error = read(&vault, other).await.unwrap_err();
    assert_eq!(error.code(), "TG735", "{error}");
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let (_folder, [store, _]) = stores();
    let vault = vault(&store);
    for ttl in [TimeDelta::zero(), TimeDelta::days(-1), TimeDelta::days(4000), TimeDelta::MAX] {
        let error = vault.put(Evidence { ttl, ..evidence("acme", None, "x") }, now()).await.unwrap_err();
        assert_eq!(error.code(), "TG738", "{ttl}");
    }
    let late = vault.put(evidence("acme", None, "x"), chrono::DateTime::<Utc>::MAX_UTC).await;
    assert!(matches!(late, Err(Error::TimeToLive)));
    let kind = "k".repeat(256);
    let error = vault.put(Evidence { kind: &kind, ..evidence("acme", None, "x") }, now()).await.unwrap_err();
    assert_eq!(error.code(), "TG738");
    assert!(vault.put_batch(&[], now()).await.unwrap().is_empty());
    assert!(store.list("evidence").await.unwrap().is_empty());
}

#[test]
fn what_is_no_reference_is_told() {
    let name = "0123456789abcdef0123456789abcdef";
    let right = format!("ev_{name}_20260301_{name}_7");
    assert_eq!(right.parse::<EvidenceRef>().unwrap().to_string(), right);
    for wrong in [
        "",
        "ev_",
        &right[1..],
        &format!("{right}_8"),
        &right.to_uppercase(),
        &right.replace("_7", "_07"),
        &right.replace("_7", "_+7"),
        &right.replace("_7", "_99999999999"),
        &right.replace("0301", "1301"),
        &right.replace("2026", "+2026"),
        &right.replace("ev_0", "ev_../0"),
    ] {
        let error = wrong.parse::<EvidenceRef>().unwrap_err();
        assert_eq!(error.code(), "TG737", "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_under_a_reference_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let files = Arc::new(InMemory::new());
            let store = in_memory(&files);
            let reference = vault(&store).put(evidence("acme", None, "x"), now()).await.unwrap().unwrap();
            let path = store.list("evidence").await.unwrap().remove(0);
            let bytes = if magic { [b"TGEVID01\x01\0\0\0".as_slice(), &bytes].concat() } else { bytes };
            files.put(&path.as_str().into(), bytes.into()).await.unwrap();
            prop_assert!(read(&vault(&store), reference).await.is_err());
            Ok(())
        })?;
    }
}
