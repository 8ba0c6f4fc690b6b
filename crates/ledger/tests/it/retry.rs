//! Errors that may pass are outlived, and what cannot be known after them is not claimed.

use bytes::Bytes;
use object_store::Error as StoreError;
use tidegate_ledger::{Chain, Created, Error};

use crate::double::Answer::{DoesAndFails, Fails, Plain};
use crate::double::Double;

fn timeout() -> StoreError {
    StoreError::Generic { store: "Double", source: "timed out".into() }
}

/// What a client reports for 409, and for a create also for 412.
fn conflict() -> StoreError {
    StoreError::AlreadyExists { path: "a".into(), source: "409".into() }
}

fn precondition() -> StoreError {
    StoreError::Precondition { path: "a".into(), source: "412".into() }
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn every_operation_outlives_a_few_errors() {
    let four = || (0..4).map(|_| Fails(timeout()));
    let (store, pauses) = Double::with_script(four());
    assert_eq!(store.create("a/b", bytes("1")).await.unwrap(), Created::New);
    assert_eq!(pauses.lock().unwrap().len(), 4);

    let (store, _) = Double::with_script(four());
    store.replace("a/b", bytes("1")).await.unwrap();
    assert_eq!(store.get("a/b").await.unwrap(), Some(bytes("1")));

    for operation in ["get", "list", "delete"] {
        let (store, pauses) = Double::with_script([Plain, Plain].into_iter().chain(four()));
        store.replace("a/b", bytes("1")).await.unwrap();
        store.replace("a/c", bytes("2")).await.unwrap();
        match operation {
            "get" => assert_eq!(store.get("a/b").await.unwrap(), Some(bytes("1"))),
            "list" => assert_eq!(store.list("a").await.unwrap(), ["a/b", "a/c"]),
            _ => store.delete("a/b").await.unwrap(),
        }
        assert_eq!(pauses.lock().unwrap().len(), 4, "{operation}");
    }
}

#[tokio::test]
async fn a_store_that_does_not_recover_ends_the_operation() {
    for operation in ["create", "replace", "get", "list", "delete"] {
        let (store, pauses) = Double::with_script((0..100).map(|_| Fails(timeout())));
        let done = match operation {
            "create" => store.create("a", bytes("1")).await.map(drop),
            "replace" => store.replace("a", bytes("1")).await,
            "get" => store.get("a").await.map(drop),
            "list" => store.list("a").await.map(drop),
            _ => store.delete("a").await,
        };
        assert!(matches!(done, Err(Error::Store { .. })), "{operation}: {done:?}");
        assert_eq!(pauses.lock().unwrap().len(), 4, "{operation}");
    }
}

#[tokio::test]
async fn final_answers_are_not_questioned() {
    let denied = StoreError::PermissionDenied { path: "a".into(), source: "403".into() };
    let (store, pauses) = Double::with_script([Fails(denied)]);
    assert!(matches!(store.get("a").await, Err(Error::PermissionDenied { .. })));
    assert_eq!(store.get("a").await.unwrap(), None);
    store.delete("a").await.unwrap();
    assert_eq!(store.create("a", bytes("1")).await.unwrap(), Created::New);
    assert_eq!(store.create("a", bytes("2")).await.unwrap(), Created::AlreadyExists);
    assert!(matches!(store.get("a//b").await, Err(Error::InvalidPath { .. })));
    assert!(pauses.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_unconditional_write_that_met_another_is_tried_again() {
    for error in [conflict(), precondition()] {
        let (store, pauses) = Double::with_script([Fails(error)]);
        store.replace("a", bytes("1")).await.unwrap();
        assert_eq!(store.get("a").await.unwrap(), Some(bytes("1")));
        assert_eq!(pauses.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_create_that_met_another_which_then_failed_is_tried_again() {
    for error in [conflict(), precondition()] {
        let (store, _) = Double::with_script([Fails(error)]);
        assert_eq!(store.create("a", bytes("1")).await.unwrap(), Created::New);
        assert_eq!(store.get("a").await.unwrap(), Some(bytes("1")));
    }
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_finds_its_own_file() {
    for error in [timeout(), conflict(), precondition()] {
        let (store, _) = Double::with_script([DoesAndFails(error)]);
        assert_eq!(store.create("a", bytes("1")).await.unwrap(), Created::AlreadyExists);
        assert_eq!(store.get("a").await.unwrap(), Some(bytes("1")));
    }
    let (store, _) = Double::with_script([Plain, DoesAndFails(timeout())]);
    store.replace("a", bytes("1")).await.unwrap();
    store.delete("a").await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_record_whose_answer_was_lost_is_appended_once() {
    for error in [timeout(), conflict(), precondition()] {
        // The log is listed, then the record is written.
        let (store, _) = Double::with_script([Plain, DoesAndFails(error)]);
        let (mut chain, _) = Chain::<String>::open(store.clone(), "commits").await.unwrap();
        chain.append("first".to_string()).await.unwrap();
        chain.append("second".to_string()).await.unwrap();
        let (_, records) = Chain::<String>::open(store, "commits").await.unwrap();
        assert_eq!(records.iter().map(|r| r.body.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    }
}
