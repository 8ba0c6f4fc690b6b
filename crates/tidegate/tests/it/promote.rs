//! A version on its way: from registration to everybody, and back.
//!
//! One project for all: an assistant whose answers are right or wrong, day by day, in two arms. Instants are given, so that
//! evidence and rollout share a calendar.

use std::process::{Command, Output};

use serde_json::Value;

use crate::project::{Project, Run};

#[cfg(all(unix, debug_assertions))]
mod crash;
mod forged;
mod private;
mod race;
mod refusals;
mod story;
mod tamper;

const SQL: &str = "
CREATE STREAM answers (ts TIMESTAMP, arm VARCHAR, bucket BIGINT, hits BIGINT, n BIGINT)
  WITH (path = 'landing', format = 'csv', event_time = 'ts');
CREATE SIGNAL quality WITH (version = '1.0.0') AS
SELECT window_start, window_end, arm, bucket, SUM(hits) AS num, SUM(n) AS den
FROM TUMBLE(answers, ts, INTERVAL '1 day') GROUP BY window_start, window_end, arm, bucket;
CREATE SIGNAL units WITH (version = '1.0.0') AS
SELECT window_start, window_end, arm, SUM(n) / 100 AS units
FROM TUMBLE(answers, ts, INTERVAL '1 day') GROUP BY window_start, window_end, arm;
";

/// Acts are dated by the tests.
const SIMULATED: &str = "[promotion]\nsimulated_time = true\n";

/// A gate for the step from a stage, with something more said in it.
fn gate(from: &str, version: u32, more: &str) -> String {
    let (to, ramp) = match from {
        "local" => ("shadow", ""),
        "shadow" => ("canary", ""),
        _ => ("general", ", ramp: [10%, 50%], hold_back: 5%"),
    };
    format!(
        "gate: assistant-{from}
version: {version}
bundle: support
stage: {{ from: {from}, to: {to}{ramp} }}
arms: {{ control: control, treatment: v{version} }}
time: {{ window: 1d, min: 2d, max: 9d }}
error: {{ alpha: 0.05 }}
trust:
  - sample_ratio: {{ signal: units, share: 50% }}
  - schema_unchanged
checks:
  - name: wrong_answers
    signal: quality
    direction: lower_is_better
    test: {{ non_inferior: {{ margin: 3pp }} }}
decide: {{ rollback: automatic }}
{more}"
    )
}

/// `2026-01-01` is day 0.
fn day(day: u32) -> String {
    format!("2026-01-{:02}", 1 + day)
}

/// Four days of answers of two arms: in each so many of 1,000 a day are wrong, spread over eight buckets.
fn land(project: &Project, name: &str, from: u32, treatment: &str, wrong: [u32; 2]) {
    let mut rows = "ts,arm,bucket,hits,n\n".to_owned();
    for at in from..from + 4 {
        for (arm, wrong) in [("control", wrong[0]), (treatment, wrong[1])] {
            for bucket in 0..8 {
                let hits = wrong * (bucket + 1) / 8 - wrong * bucket / 8;
                rows += &format!("{}T06:00:00,{arm},{bucket},{hits},125\n", day(at));
            }
        }
    }
    project.write(&format!("landing/{name}.csv"), rows);
}

/// A project whose baseline, support 1.4.0, runs: people are enrolled, two bundles are kept.
fn project() -> Project {
    let project = Project::with_sql(SQL);
    project.write("tidegate.toml", SIMULATED);
    for version in ["1.4.0", "1.5.0"] {
        copy(&format!("support-{version}"), &project);
    }
    for (name, role) in [("ann", "author"), ("eve", "release"), ("kim", "support")] {
        promote(&project, name, &["enroll", name, "--role", role, "--key", &key(name)], None).ok();
    }
    for version in ["1.4.0", "1.5.0"] {
        let file = format!("bundles/support-{version}/bundle.yaml");
        project.run(&["bundle", "create", &file, "--created-at", "2026-01-01T00:00:00Z"]).ok();
    }
    plan(&project, 1);
    act(&project, "ann", 0, &["register", "support@1.4.0", "--baseline"]).ok();
    act(&project, "ann", 0, &["promote"]).ok();
    project
}

/// Writes three gates, of a version whose treatment is the arm `v<version>`.
fn plan(project: &Project, version: u32) {
    project.write("gates/local.yaml", gate("local", version, ""));
    project.write("gates/shadow.yaml", gate("shadow", version, ""));
    let approvals = "approvals: { required: 1, roles: [release], drill: 30d }\n";
    project.write("gates/canary.yaml", gate("canary", version, approvals));
}

/// Copies a bundle of the repository's examples.
fn copy(name: &str, project: &Project) {
    let from = format!("{}/../../testdata/bundles/{name}", env!("CARGO_MANIFEST_DIR"));
    let to = project.path("bundles");
    std::fs::create_dir_all(&to).unwrap();
    assert!(Command::new("cp").args(["-r", &from]).arg(to).status().unwrap().success());
}

fn key(name: &str) -> String {
    format!("{name}.pem")
}

/// Runs a verb as somebody.
fn promote(project: &Project, who: &str, arguments: &[&str], at: Option<u32>) -> Run {
    let mut all = vec!["promote".to_owned()];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    if let Some(at) = at {
        all.extend(["--key".to_owned(), key(who), "--at".to_owned(), day(at)]);
    }
    project.run(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Runs a verb that acts, on a day.
fn act(project: &Project, who: &str, at: u32, arguments: &[&str]) -> Run {
    promote(project, who, arguments, Some(at))
}

const GATES: [&str; 6] = ["--gate", "gates/local.yaml", "--gate", "gates/shadow.yaml", "--gate", "gates/canary.yaml"];

/// Registers 1.5.0 with its three gates.
fn register(project: &Project) -> Run {
    act(project, "ann", 0, &[&["register", "support@1.5.0"][..], &GATES].concat())
}

/// Releases what has landed.
fn release(project: &Project) {
    project.run(&["run", "--until-end"]).ok();
}

/// What runs and what is under way.
fn status(project: &Project) -> Value {
    let run = project.run(&["promote", "status", "support", "--json"]).ok();
    serde_json::from_str::<Value>(&run.stdout).unwrap()[0].clone()
}

/// The numbers of all generations.
fn generations(project: &Project) -> Vec<u64> {
    let run = project.run(&["promote", "log", "support", "--json"]).ok();
    let pointers: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    pointers.iter().map(|pointer| pointer["generation"].as_u64().unwrap()).collect()
}

#[track_caller]
fn verified(project: &Project) {
    let run = project.run(&["promote", "verify"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

/// A command that runs beside others.
fn command(project: &Project, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(arguments).current_dir(project.path("")).env("NO_COLOR", "1");
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
