//! A process that dies at any step leaves a budget in which all that was acknowledged stands, once.
//!
//! The test runs itself again as a [`child`], once for every crash point, until a child survives.

#![cfg(all(unix, debug_assertions))]

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use tidegate_ledger::{Charge, Store};

use super::{cap, charge, ids, open, rho, spent};

const RELEASES: i32 = 3;
const SIGKILL: i32 = 9;

/// Charges all releases, also those that stand, and acknowledges each on standard output. Every process stamps its
/// charges in its own way, so that none can take another's bytes for its own.
#[tokio::test]
async fn child() {
    // Without a folder it runs as a test among others, and there is nothing to do.
    let Ok(folder) = std::env::var("BUDGET_CRASH_FOLDER") else { return };
    let run_id = format!("process {}", std::process::id());
    let mut budget = open(&Store::open_local(folder).unwrap()).await;
    for number in 0..RELEASES {
        let wanted = Charge { run_id: run_id.clone(), ..charge(&number.to_string(), [number, number + 1], rho(50)) };
        let paid = budget.charge(wanted, &cap).await.unwrap();
        writeln!(std::io::stdout(), "\npaid {}", paid.id()).unwrap();
    }
}

fn run(folder: &Path, crash_at: Option<u64>) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["budget::crash::child", "--exact", "--nocapture"]).env("BUDGET_CRASH_FOLDER", folder);
    if let Some(n) = crash_at {
        child.env("TIDEGATE_CRASH_AT", n.to_string());
    }
    child.output().unwrap()
}

fn acknowledged(output: &Output) -> usize {
    String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("paid ")).count()
}

#[tokio::test]
async fn a_budget_survives_a_crash_at_every_point() {
    let mut crashes = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let output = run(folder.path(), Some(crashes + 1));
        if output.status.success() {
            break;
        }
        crashes += 1;
        assert_eq!(output.status.signal(), Some(SIGKILL), "point {crashes}: {output:?}");

        let store = Store::open_local(folder.path()).unwrap();
        let budget = open(&store).await;
        let (found, acknowledged) = (ids(&budget), acknowledged(&output));
        assert!((acknowledged..=acknowledged + 1).contains(&found.len()), "point {crashes}: {found:?}");
        assert_eq!(found, ["0", "1", "2"][..found.len()], "point {crashes}");

        // The caps leave no room for a charge that is made twice.
        let rest = run(folder.path(), None);
        assert!(rest.status.success(), "point {crashes}: {rest:?}");
        let budget = open(&store).await;
        assert_eq!(ids(&budget), ["0", "1", "2"], "point {crashes}");
        assert_eq!(spent(&budget, 0..=RELEASES), [50, 100, 100, 50], "point {crashes}");
    }
    // Three points for each file that is put in its place.
    assert_eq!(crashes, RELEASES as u64 * 3);
}
