//! A process that dies at any step leaves a log that opens, with all that was acknowledged.
//!
//! The test runs itself again as a [`child`], once for every crash point, until a child survives.

#![cfg(all(unix, debug_assertions))]

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use bytes::Bytes;
use tidegate_ledger::{Chain, Created, Store};

const RECORDS: u64 = 3;
const SIGKILL: i32 = 9;

/// Does the work of a process: goes on with a log until it has all records, and keeps one file up to date beside it.
/// Acknowledges each record on standard output.
#[tokio::test]
async fn child() {
    // Without a folder it runs as a test among others, and there is nothing to do.
    let Ok(folder) = std::env::var("CRASH_FOLDER") else { return };
    let store = Store::open_local(folder).unwrap();
    let (mut chain, records) = Chain::<String>::open(store.clone(), "commits").await.unwrap();
    for seq in records.len() as u64..RECORDS {
        chain.append(format!("record {seq}")).await.unwrap();
        writeln!(std::io::stdout(), "\nappended {seq}").unwrap();
        store.replace("state/latest", Bytes::from(seq.to_string())).await.unwrap();
    }
    store.delete("state/latest").await.unwrap();
}

fn run(folder: &Path, crash_at: Option<u64>) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["crash::child", "--exact", "--nocapture"]).env("CRASH_FOLDER", folder);
    if let Some(n) = crash_at {
        child.env("TIDEGATE_CRASH_AT", n.to_string());
    }
    child.output().unwrap()
}

fn acknowledged(output: &Output) -> u64 {
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("appended ")).count() as u64
}

async fn records(folder: &Path) -> Vec<String> {
    let store = Store::open_local(folder).unwrap();
    let (_, records) = Chain::<String>::open(store, "commits").await.unwrap();
    records.into_iter().map(|record| record.body).collect()
}

#[tokio::test]
async fn a_log_survives_a_crash_at_every_point() {
    let all: Vec<String> = (0..RECORDS).map(|seq| format!("record {seq}")).collect();
    let mut crashes = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), Some(crashes + 1));
        if output.status.success() {
            break;
        }
        crashes += 1;
        assert_eq!(output.status.signal(), Some(SIGKILL), "point {crashes}: {output:?}");

        let found = records(folder.path()).await;
        let (found_count, acknowledged) = (found.len() as u64, acknowledged(&output));
        assert!((acknowledged..=acknowledged + 1).contains(&found_count), "point {crashes}: {found:?}");
        assert_eq!(found, all[..found.len()], "point {crashes}");
        let store = Store::open_local(folder.path()).unwrap();
        if let Some(latest) = store.get("state/latest").await.unwrap() {
            let latest: u64 = std::str::from_utf8(&latest).unwrap().parse().unwrap();
            assert!(
                (found_count.saturating_sub(2)..found_count).contains(&latest),
                "point {crashes}: {latest} of {found:?}"
            );
        }

        let rest = run(folder.path(), None);
        assert!(rest.status.success(), "point {crashes}: {rest:?}");
        assert_eq!(records(folder.path()).await, all, "point {crashes}");
        assert_eq!(store.create("state/latest", Bytes::new()).await.unwrap(), Created::New, "point {crashes}");
    }
    // Three points for each file that is put in its place, two for the one that is taken away.
    assert_eq!(crashes, RECORDS * (3 + 3) + 2);
}
