//! Nothing is given out that is not on record, and nothing to those who may not have it.

use object_store::memory::InMemory;
use std::sync::Arc;

use tidegate_ledger::Store;
use tidegate_vault::{Error, Evidence, Outcome, Reader};

use crate::{Trail, at, evidence, now, reader, stores, vault};

#[tokio::test]
async fn each_attempt_is_on_record_with_what_came_of_it() {
    let (_folder, stores) = stores();
    for store in stores {
        let vault = vault(&store);
        let reference = vault.put(evidence("acme", Some("u1"), "a text"), now()).await.unwrap().unwrap();
        let trail = Trail::default();
        let named =
            |who: &str, purpose: Option<&str>| Reader { who: who.to_owned(), purpose: purpose.map(str::to_owned) };
        for (reader, code) in [
            (named("carol", None), "TG730"),
            (named("carol", Some("  ")), "TG730"),
            (named("", Some("incident")), "TG730"),
            (named("carol", Some("curiosity")), "TG731"),
            (named("carol", Some("INCIDENT")), "TG731"),
        ] {
            let error = vault.get(reference, &reader, now(), &trail).await.unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains("incident, dispute"), "{error}");
        }
        let content = vault.get(reference, &named("carol", Some("dispute")), now(), &trail).await.unwrap();
        assert_eq!(content.bytes.as_slice(), b"a text");
        let (none, refused) = (Outcome::NoPurpose, Outcome::PurposeNotAllowed);
        assert_eq!(trail.outcomes(), [none, none, none, refused, refused, Outcome::Granted]);

        let last = trail.records.lock().unwrap().pop().unwrap();
        assert_eq!((last.reference, last.who.as_str(), last.purpose.as_deref()), (reference, "carol", Some("dispute")));
        let json = serde_json::to_string(&last).unwrap();
        let expected = format!(
            r#"{{"reference":"{reference}","who":"carol","purpose":"dispute","at_us":{},"outcome":"granted"}}"#,
            now().timestamp_micros()
        );
        assert_eq!(json, expected);
    }
}

#[tokio::test]
async fn without_a_record_nothing_is_given_out() {
    let (_folder, [store, _]) = stores();
    let vault = vault(&store);
    let reference = vault.put(evidence("acme", None, "a text"), now()).await.unwrap().unwrap();
    let broken = Trail { fails: true, ..Trail::default() };
    for reader in [reader(), Reader::default()] {
        let error = vault.get(reference, &reader, now(), &broken).await.unwrap_err();
        assert_eq!(error.code(), "TG736");
        assert!(!format!("{error} {error:?}").contains("a text"));
    }
}

#[tokio::test]
async fn what_is_expired_is_refused_though_its_bytes_lie_there() {
    let (_folder, stores) = stores();
    for store in stores {
        let vault = vault(&store);
        let batch = [
            Evidence { ttl: chrono::TimeDelta::hours(1), ..evidence("acme", None, "short") },
            Evidence { ttl: chrono::TimeDelta::hours(2), ..evidence("acme", None, "long") },
        ];
        let references: Vec<_> = vault.put_batch(&batch, now()).await.unwrap().into_iter().flatten().collect();
        let trail = Trail::default();
        let late = at("2026-03-01T13:00:00Z");
        let error = vault.get(references[0], &reader(), late, &trail).await.unwrap_err();
        assert!(matches!(error, Error::Expired { .. }), "{error}");
        assert_eq!(error.code(), "TG732");
        assert!(vault.get(references[1], &reader(), late, &trail).await.is_ok());
        assert!(vault.get(references[0], &reader(), at("2026-03-01T12:59:59Z"), &trail).await.is_ok());
        assert_eq!(trail.outcomes(), [Outcome::Expired, Outcome::Granted, Outcome::Granted]);
    }
}

#[tokio::test]
async fn what_is_not_there_is_on_record_too() {
    let (_folder, [store, _]) = stores();
    let (vault, trail) = (vault(&store), Trail::default());
    let reference = vault.put(evidence("acme", None, "a text"), now()).await.unwrap().unwrap();
    let beyond = reference.to_string().replace("_0", "_1").parse();
    for path in store.list("evidence").await.unwrap() {
        store.delete(&path).await.unwrap();
    }
    let error = vault.get(reference, &reader(), now(), &trail).await.unwrap_err();
    assert_eq!(error.code(), "TG734", "{error}");
    if let Ok(beyond) = beyond {
        assert!(vault.get(beyond, &reader(), now(), &trail).await.is_err());
    }
    let elsewhere = crate::vault(&Store::new(Arc::new(InMemory::new())));
    assert!(matches!(elsewhere.get(reference, &reader(), now(), &trail).await, Err(Error::Absent { .. })));
    assert!(trail.outcomes().iter().all(|outcome| *outcome == Outcome::Absent), "{:?}", trail.outcomes());
}
