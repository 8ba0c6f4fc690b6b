//! A process that dies at any step of its writing has lost nothing that it acknowledged, and what is sent again, in other
//! groups and on another day, is landed once.
//!
//! The test runs itself again as a [`child`], once for every crash point, until a child survives.

#![cfg(all(unix, debug_assertions))]

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use super::*;

const LAST: u64 = 12;
const SIGKILL: i32 = 9;

/// Sends from a number that was landed already up to [`LAST`], so many together as it is told, half of them on the next
/// day. Acknowledges each on standard output.
#[tokio::test]
async fn child() {
    // Without a folder it runs as a test among others, and there is nothing to do.
    let Ok(folder) = std::env::var("CRASH_FOLDER") else { return };
    let width: u64 = std::env::var("CRASH_WIDTH").unwrap().parse().unwrap();
    let store = Store::open_local(folder).unwrap();
    let sent = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&sent);
    let clock = move || UNIX_EPOCH + Duration::from_secs(86_400 * (seen.load(Ordering::SeqCst) / 6));
    let landing = open(&store, Options { clock: Arc::new(clock), flush_after: Duration::ZERO, ..Options::default() });
    let mut next = landing.position(&producer("p")).await.unwrap().max(1);
    while next <= LAST {
        let last = LAST.min(next + width - 1);
        sent.store(last, Ordering::SeqCst);
        let answers = (next..=last).map(|sequence| landing.put(arrival("p", sequence)));
        for answer in futures::future::join_all(answers).await {
            writeln!(std::io::stdout(), "\nacknowledged {}", answer.unwrap().sequence).unwrap();
        }
        next = last + 1;
    }
    landing.close().await;
}

fn run(folder: &Path, width: u64, crash_at: Option<u64>) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["crash::child", "--exact", "--nocapture"]).env("CRASH_FOLDER", folder);
    child.env("CRASH_WIDTH", width.to_string());
    if let Some(n) = crash_at {
        child.env("TIDEGATE_CRASH_AT", n.to_string());
    }
    child.output().unwrap()
}

fn acknowledged(output: &Output) -> u64 {
    let lines = String::from_utf8_lossy(&output.stdout);
    let numbers = lines.lines().filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok());
    numbers.max().unwrap_or(0)
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_twice_after_a_crash_at_every_point() {
    let mut crashes = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), 2, Some(crashes + 1));
        if output.status.success() {
            break;
        }
        crashes += 1;
        assert_eq!(output.status.signal(), Some(SIGKILL), "point {crashes}: {output:?}");
        let store = Store::open_local(folder.path()).unwrap();
        let landed = open(&store, quick()).position(&producer("p")).await.unwrap();
        assert!(acknowledged(&output) <= landed && landed <= acknowledged(&output) + 2, "point {crashes}: {landed}");
        assert_once(&store, "p", landed).await;

        let rest = run(folder.path(), 3, None);
        assert!(rest.status.success(), "point {crashes}: {rest:?}");
        assert_once(&store, "p", LAST).await;
    }
    // Three for each of six files, at least, and for what stands between two days.
    assert!(crashes >= 21, "{crashes}");
}
