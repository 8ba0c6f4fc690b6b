//! A writer that dies at any step leaves a log that the next one completes, with all that was acknowledged.
//!
//! The test runs itself again as a [`child`], once for every crash point, until a child survives.

#![cfg(all(unix, debug_assertions))]

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use super::*;

const SIGKILL: i32 = 9;

/// Does the work of a process: appends what is still to be appended, and acknowledges each entry on standard output.
#[tokio::test]
async fn child() {
    // Without a folder it runs as a test among others, and there is nothing to do.
    let Ok(folder) = std::env::var("CRASH_FOLDER") else { return };
    let count: usize = std::env::var("CRASH_ENTRIES").unwrap().parse().unwrap();
    let mut log = open(&Store::open_local(folder).unwrap()).await;
    for number in log.size() as usize..count {
        log.append_once(&envelope(number)).await.unwrap();
        writeln!(std::io::stdout(), "\nappended {number}").unwrap();
    }
}

fn run(folder: &Path, count: usize, crash_at: Option<u64>) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["crash::child", "--exact", "--nocapture"]);
    child.env("CRASH_FOLDER", folder).env("CRASH_ENTRIES", count.to_string());
    if let Some(n) = crash_at {
        child.env("TIDEGATE_CRASH_AT", n.to_string());
    }
    child.output().unwrap()
}

/// Crashes at each of these points while a log grows from `before` to `count` entries; the first that a process did not
/// come to.
async fn crash(before: usize, count: usize, points: impl Iterator<Item = u64>) -> u64 {
    // Before the first entry there is no checkpoint either.
    let template = if before == 0 { Files::new() } else { written(before).await };
    let expected: Vec<_> = (0..count).map(envelope).collect();
    for point in points {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in &template {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
        let output = run(folder.path(), count, Some(point));
        if output.status.success() {
            return point;
        }
        assert_eq!(output.status.signal(), Some(SIGKILL), "point {point}: {output:?}");

        let store = Store::open_local(folder.path()).unwrap();
        let found = entries(&store).await;
        let acknowledged = String::from_utf8_lossy(&output.stdout);
        let acknowledged = before + acknowledged.lines().filter(|line| line.starts_with("appended ")).count();
        assert!((acknowledged..=acknowledged + 1).contains(&found.len()), "point {point}: {} entries", found.len());
        assert_eq!(found, expected[..found.len()], "point {point}");

        let rest = run(folder.path(), count, None);
        assert!(rest.status.success(), "point {point}: {rest:?}");
        assert_eq!(entries(&store).await, expected, "point {point}");
        assert_eq!(damage(&store).await, None, "point {point}");
        let superseded = store.list("audit/tile/entries/000.p").await.unwrap();
        assert_eq!(superseded.len(), if count < 256 { count } else { 0 }, "point {point}");
    }
    unreachable!("a process comes to an end")
}

#[tokio::test]
async fn a_log_survives_a_crash_at_every_point() {
    // The first checkpoint, and of each entry the bundle, its hashes and the checkpoint: three points each.
    assert_eq!(crash(0, 3, 1..).await, 3 + 3 * 9 + 1);
}

/// All 510 deletions are alike, so a few of them are enough; all with `TIDEGATE_CRASH_ALL`.
#[tokio::test]
async fn a_bundle_that_gets_full_survives_a_crash() {
    // Entry 254 as above; entry 255 has a hash one level up.
    let (written, deleted) = (9 + 12, 2 * 510);
    let stride = if std::env::var_os("TIDEGATE_CRASH_ALL").is_some() { 1 } else { 211 };
    let deletions = (written + 1..).step_by(stride);
    let survived = crash(254, 256, (1..=written).chain(deletions)).await;
    assert!((0..stride as u64).contains(&(survived - written - deleted - 1)), "{survived}");
}
