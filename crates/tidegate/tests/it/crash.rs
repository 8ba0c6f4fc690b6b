//! A run that is killed at any moment is finished by the next, as if nothing had happened.
//!
//! ```text
//! run, killed at its n-th step --> run, now and then killed too --> run --> the bytes of an undisturbed project
//! ```
//!
//! In debug builds the command dies at the n-th step of its durable writing when it is told to (see `ledger::crash`).
//! Every n is too many for a test: a few spread evenly are tried, and all when `TIDEGATE_CRASH_ALL` is set. Other moments
//! are left to chance: a run is killed from outside somewhere along its way.

#![cfg(all(unix, debug_assertions))]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::project::Project;

const SIGKILL: i32 = 9;

/// Steps that are tried unless all are.
const STEPS: u64 = 24;
/// Kills from outside, at moments spread over a run.
const MOMENTS: u32 = 100;

const SQL: &str = "
CREATE STREAM d (id BIGINT, at TIMESTAMP, area VARCHAR, u VARCHAR, x DOUBLE) WITH (path = 'landing/d', format = 'csv',
  event_time = 'at', watermark = INTERVAL '3 hours', dedupe_key = 'id');
CREATE STREAM e (at TIMESTAMP, x BIGINT) WITH (path = 'landing/e', format = 'ndjson', event_time = 'at');
CREATE SIGNAL hourly AS
SELECT window_start, window_end, area, COUNT(*) AS n, SUM(x) AS total
FROM TUMBLE(d, at, INTERVAL '12 hours') GROUP BY window_start, window_end, area;
CREATE SIGNAL guarded AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = u) area, AVG(x) AS mean
FROM d GROUP BY area;
CREATE SIGNAL sessions AS
SELECT window_start, window_end, SUM(x) AS total FROM SESSION(e, at, INTERVAL '1 hour') GROUP BY window_start, window_end;
CREATE SIGNAL met AS
SELECT window_start, window_end, COUNT(*) AS rows, COUNT(e.x) AS pairs FROM TUMBLE(d, at, INTERVAL '12 hours') AS d
LEFT JOIN e ON e.x = d.id AND e.at BETWEEN d.at - INTERVAL '12 hours' AND d.at + INTERVAL '12 hours'
GROUP BY window_start, window_end;
";

/// Rows of `d` and of `e`, the bad row of `e` not counted.
const ROWS: [u64; 2] = [47, 20];
/// Rows of `d` that are delivered twice.
const DUPLICATES: u64 = 5;

/// Two streams in a few files, each an epoch: with rows out of order, duplicates and a bad row.
fn project() -> Project {
    let project = Project::with_sql(SQL);
    project.write("tidegate.toml", "[epoch]\nmax_files = 1\nthreads = 2\n");
    let decision = |id: u64| {
        let (hour, minute) = (id * 7 % 48, id * 13 % 60);
        let (day, hour) = (5 + hour / 24, hour % 24);
        format!("{id},2026-01-{day:02}T{hour:02}:{minute:02}:00,a{},u{},{}.{id}\n", id % 3, id % 4, id * id % 100)
    };
    let decisions =
        |ids: &mut dyn Iterator<Item = u64>| format!("id,at,area,u,x\n{}", ids.map(decision).collect::<String>());
    project.write("landing/d/a.csv", decisions(&mut (0..20)));
    project.write("landing/d/b.csv", decisions(&mut (15..40)));
    project.write("landing/d/c.csv", decisions(&mut (40..47)));
    let event = |id: u64| format!("{{\"at\": \"2026-01-05T{:02}:{:02}:00Z\", \"x\": {id}}}\n", id, id * 17 % 60);
    project.write("landing/e/a.ndjson", (0..10).map(event).collect::<String>());
    project.write("landing/e/b.ndjson", format!("{}{{\"at\": 7}}\n", (10..20).map(event).collect::<String>()));
    project
}

/// The command as it is run here.
fn command(project: &Project) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(["run", "--until-end"]).current_dir(project.path("")).env("NO_COLOR", "1");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs until the `step`-th step of its writing. False when it survived.
fn dies_at(project: &Project, step: u64) -> bool {
    let status = command(project).env("TIDEGATE_CRASH_AT", step.to_string()).status().unwrap();
    assert!(status.success() || status.signal() == Some(SIGKILL), "step {step}: {status}");
    !status.success()
}

/// Runs, and is killed after a while unless it ended before. False when it did.
fn dies_after(project: &Project, how_long: Duration) -> bool {
    let mut child = command(project).spawn().unwrap();
    // No assertion depends on how long this takes: it only spreads the moments.
    std::thread::sleep(how_long);
    child.kill().unwrap();
    child.wait().unwrap().signal() == Some(SIGKILL)
}

/// Finishes what was cut short, and holds the project against one that nobody disturbed.
#[track_caller]
fn finish(project: &Project, undisturbed: &Project, moment: &str) {
    project.run(&["run", "--until-end", "--json"]).ok();
    let (released, expected) = (seen(project, "released"), seen(undisturbed, "released"));
    let differ = released.keys().chain(expected.keys()).find(|path| released.get(*path) != expected.get(*path));
    assert_eq!(differ, None, "{moment}");
    let staged = seen(project, "staging").into_keys().collect::<Vec<_>>();
    assert!(staged.is_empty(), "{moment}: {staged:?}");
    let (streams, signals) = accounts(project);
    assert_eq!((streams, signals), accounts(undisturbed), "{moment}");
    // The log is whole, and nothing is left to do.
    let again = project.run(&["run", "--until-end"]).ok();
    assert!(again.stderr.contains("nothing new"), "{moment}: {}", again.stderr);
}

/// The files of a folder that readers see. What a crash leaves of a file that had no name yet is hidden from them.
fn seen(project: &Project, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = project.files(folder);
    files.retain(|path, _| !path.split('/').any(|part| part.starts_with('.')));
    files
}

/// Rows by what became of them, added up over the log: those of streams, and those of signals.
fn accounts(project: &Project) -> (Value, Value) {
    let (mut streams, mut signals) = (serde_json::json!({}), serde_json::json!({}));
    for record in seen(project, "log/commits").into_values() {
        let body = serde_json::from_slice::<Value>(&record).unwrap()["body"].take();
        if body["kind"] != "epoch" {
            continue;
        }
        add(&mut streams[body["stream"].as_str().unwrap()], &body["first"]["rows"]);
        for (name, signal) in body["signals"].as_object().unwrap() {
            add(&mut signals[name], &signal["rows"]);
        }
    }
    (streams, signals)
}

fn add(total: &mut Value, rows: &Value) {
    for (what, count) in rows.as_object().unwrap() {
        total[what] = (total[what].as_u64().unwrap_or_default() + count.as_u64().unwrap()).into();
    }
}

fn undisturbed() -> Project {
    let project = project();
    project.run(&["run", "--until-end"]).ok();
    let (streams, signals) = accounts(&project);
    let [d, e] = ROWS;
    let expected = serde_json::json!({
        "d": { "read": d + DUPLICATES, "delivered": d, "duplicate": DUPLICATES, "rejected": 0 },
        "e": { "read": e + 1, "delivered": e, "duplicate": 0, "rejected": 1 },
    });
    assert_eq!(streams, expected);
    let (d, e) = (d + DUPLICATES, e + 1);
    for (signal, read) in [("hourly", d), ("guarded", d), ("sessions", e), ("met", d + e)] {
        assert_eq!(signals[signal]["read"], read, "{signal}");
    }
    assert!(project.files("released").len() >= 4);
    project
}

#[test]
fn a_run_killed_at_any_step_is_finished_by_the_next() {
    let whole = undisturbed();
    let steps = steps_of_a_run();
    assert!(steps > 50, "{steps} steps");
    let all = std::env::var_os("TIDEGATE_CRASH_ALL").is_some();
    let tried = if all { steps } else { STEPS.min(steps) };
    for number in 0..tried {
        let step = 1 + number * (steps - 1) / (tried - 1).max(1);
        let project = project();
        assert!(dies_at(&project, step), "a run of {steps} steps survives step {step}");
        if number % 3 == 0 {
            dies_at(&project, 1 + step * 7 % 20);
        }
        finish(&project, &whole, &format!("step {step}"));
    }
}

/// How many steps an undisturbed run has: the least it survives, found by halving.
fn steps_of_a_run() -> u64 {
    let (mut deadly, mut survived) = (0, 2_000);
    while survived - deadly > 1 {
        let step = (deadly + survived) / 2;
        if dies_at(&project(), step) { deadly = step } else { survived = step }
    }
    deadly
}

#[test]
fn a_run_killed_at_any_moment_is_finished_by_the_next() {
    let started = Instant::now();
    let whole = undisturbed();
    let whole_run = started.elapsed();
    let mut kills = 0;
    for moment in 0..MOMENTS {
        let project = project();
        let how_long = whole_run * moment / MOMENTS;
        kills += u32::from(dies_after(&project, how_long));
        if moment % 3 == 0 {
            kills += u32::from(dies_after(&project, whole_run * (moment * 37 % MOMENTS) / MOMENTS));
        }
        finish(&project, &whole, &format!("after {how_long:?}"));
    }
    assert!(kills > 0, "every run ended before it could be killed");
}
