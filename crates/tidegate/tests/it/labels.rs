//! Do labels that come days later reach the statistics of the day on which their decision was made, whatever happens on
//! the way?

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::{Command, Stdio};

use crate::project::Project;

const SQL: &str = "
CREATE STREAM decisions (tenant_id VARCHAR, decision_id VARCHAR, event_time TIMESTAMP, ingested_at TIMESTAMP,
    user_token VARCHAR, task_class VARCHAR)
  WITH (path = 'landing/decisions', format = 'ndjson', event_time = 'event_time', watermark = INTERVAL '1 hour');
CREATE STREAM labels (tenant_id VARCHAR, decision_id VARCHAR, target_scope VARCHAR, label_name VARCHAR,
    label_value VARCHAR, score DOUBLE, annotator_kind VARCHAR, annotator_token VARCHAR, identifier VARCHAR,
    version BIGINT, op VARCHAR, label_id VARCHAR, labeled_at TIMESTAMP, ingested_at TIMESTAMP)
  WITH (path = 'landing/labels', format = 'ndjson', event_time = 'labeled_at', watermark = INTERVAL '1 hour');
CREATE STREAM label_changes
  WITH (path = 'landing/label_changes', format = 'parquet', event_time = 'event_time', watermark = INTERVAL '1 hour');
CREATE SIGNAL quality WITH (lateness = INTERVAL '30 days') AS
SELECT window_start, window_end, task_class, SUM(delta) AS decisions,
  SUM(CASE WHEN labelled THEN delta ELSE 0 END) AS labelled,
  SUM(CASE WHEN value = 'bad' THEN delta ELSE 0 END) AS bad,
  SUM(score * delta) AS score
FROM TUMBLE(label_changes, event_time, INTERVAL '1 day') WHERE label_name = 'quality'
GROUP BY window_start, window_end, task_class;
";
const RULES: &str = "
[default]
rule = 'priority'
maturity = '3d'
[label.quality]
every_decision = true
[changelog]
horizon = '30d'
columns = ['task_class', 'user_token']
";
const QUARANTINE: &str = "
[[entry]]
annotator_token = 'a1'
from = 2026-01-06
since = 2026-01-12
reason = 'a burst'
";
/// Days of decisions; labels come for three days more.
const DAYS: u64 = 5;
const DECISIONS: u64 = 20;

fn instant(minute: u64) -> String {
    let (day, hour, minute) = (5 + minute / 1440, minute / 60 % 24, minute % 60);
    format!("2026-01-{day:02}T{hour:02}:{minute:02}:00Z")
}

/// A number that looks drawn.
fn mixed(i: u64) -> u64 {
    let x = i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (x ^ (x >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32
}

/// What lands on each day: decisions, and labels up to three days after theirs, some said anew, some taken back.
fn days() -> Vec<[String; 2]> {
    let mut days = vec![[String::new(), String::new()]; DAYS as usize + 8];
    for i in 0..DAYS * DECISIONS {
        let at = (i / DECISIONS) * 1440 + mixed(i) % 1440;
        let decision = format!(
            r#"{{"tenant_id":"t{}","decision_id":"d{i}","event_time":"{}","ingested_at":"{}","user_token":"u{}","task_class":"c{}"}}"#,
            i % 2,
            instant(at),
            instant(at + 1),
            i % 7,
            i % 3
        );
        let _ = writeln!(days[(at / 1440) as usize][0], "{decision}");
        for (who, kind) in [("a0", "HUMAN"), ("a1", "HUMAN"), ("m", "LLM")] {
            let draw = mixed(i * 31 + who.len() as u64 + u64::from(who.ends_with('1')));
            if draw.is_multiple_of(3) {
                continue;
            }
            let mut said = at + 1 + draw % (3 * 1440);
            for version in 1..=1 + draw % 3 {
                let op = if version == 3 { "retract" } else { "assert" };
                let value = ["good", "bad"][((draw >> version) % 2) as usize];
                let label = format!(
                    r#"{{"tenant_id":"t{}","decision_id":"d{i}","target_scope":"decision","label_name":"quality","label_value":"{value}","score":0.{},"annotator_kind":"{kind}","annotator_token":"{who}","identifier":"{who}","version":{version},"op":"{op}","label_id":"l{i}-{who}-{version}","labeled_at":"{}","ingested_at":"{}"}}"#,
                    i % 2,
                    draw % 10,
                    instant(said),
                    instant(said + 1)
                );
                let _ = writeln!(days[(said / 1440) as usize][1], "{label}");
                said += 60 + draw % 700;
            }
        }
    }
    days
}

fn project() -> Project {
    let project = Project::with_sql(SQL);
    project.write("labels.toml", RULES);
    // Folders are listed when a project is opened.
    project.write("landing/decisions/0.ndjson", "");
    project.write("landing/labels/0.ndjson", "");
    project
}

fn land(project: &Project, day: usize, [decisions, labels]: &[String; 2]) {
    if !decisions.is_empty() {
        project.write(&format!("landing/decisions/day-{day:02}.ndjson"), decisions);
    }
    if !labels.is_empty() {
        project.write(&format!("landing/labels/day-{day:02}.ndjson"), labels);
    }
}

/// All that lands, one run after each day.
fn day_by_day() -> Project {
    let project = project();
    for (day, rows) in days().iter().enumerate() {
        land(&project, day, rows);
        project.run(&["run"]).ok();
    }
    project
}

/// All that lands, in one run.
fn at_once(quarantine: Option<&str>) -> Project {
    let project = project();
    if let Some(quarantine) = quarantine {
        project.write("label_quarantine.toml", quarantine);
    }
    for (day, rows) in days().iter().enumerate() {
        land(&project, day, rows);
    }
    project
}

/// What was released, but for how often it was restated.
fn released(project: &Project) -> String {
    project.run(&["run", "--until-end"]).ok();
    let sql = "SELECT * EXCEPT (revision, release_id) FROM released.quality ORDER BY window_start, task_class";
    project.run(&["sql", "--format", "csv", sql]).ok().stdout
}

fn restated(project: &Project) -> i64 {
    let sql = "SELECT MAX(revision) AS most FROM released.quality";
    let rows = project.run(&["sql", "--format", "csv", sql]).ok().stdout;
    rows.lines().nth(1).unwrap().parse().unwrap()
}

#[test]
fn labels_that_come_late_restate_the_day_of_their_decision() {
    let late = day_by_day();
    let known = at_once(None);
    let (late_rows, known_rows) = (released(&late), released(&known));
    assert_eq!(late_rows, known_rows);
    assert!(restated(&late) > 1, "windows were restated");
    assert_eq!(restated(&known), 0);
    // Every decision stands once, labelled or not.
    let counted =
        known.run(&["sql", "--format", "csv", "SELECT SUM(decisions) AS n, SUM(labelled) AS l FROM released.quality"]);
    let counted = counted.ok().stdout;
    let (all, labelled) = counted.lines().nth(1).unwrap().split_once(',').unwrap();
    assert_eq!(all, (DAYS * DECISIONS).to_string());
    assert!((1..DAYS * DECISIONS).contains(&labelled.parse().unwrap()), "{labelled}");
}

#[test]
fn a_suspicion_restates_the_days_it_touches_and_can_be_taken_back() {
    let project = day_by_day();
    let before = released(&project);
    project.write("label_quarantine.toml", QUARANTINE);
    let suspicious = released(&project);
    assert_ne!(before, suspicious);
    assert_eq!(suspicious, released(&at_once(Some(QUARANTINE))));
    project.write("label_quarantine.toml", "");
    assert_eq!(before, released(&project));
}

#[test]
fn nothing_new_is_not_settled_again() {
    let project = at_once(None);
    project.run(&["labels", "settle"]).ok();
    let before = project.files("landing/label_changes");
    assert_eq!(before.len(), 1);
    let again = project.run(&["labels", "settle"]).ok();
    assert_eq!(again.stdout, "labels: nothing new to settle\n");
    assert_eq!(before, project.files("landing/label_changes"));
}

#[test]
#[cfg(debug_assertions)]
fn a_settlement_that_is_killed_at_any_step_is_finished_by_the_next() {
    let undisturbed = at_once(None);
    undisturbed.run(&["labels", "settle"]).ok();
    let whole: BTreeMap<_, _> = undisturbed.files("landing/label_changes");
    let killed = |step: u64| {
        let project = at_once(None);
        let died = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(["labels", "settle"])
            .current_dir(project.path("."))
            .env("TIDEGATE_CRASH_AT", step.to_string())
            .output()
            .unwrap();
        project.run(&["labels", "settle"]).ok();
        let mut files = project.files("landing/label_changes");
        // What a killed process was writing has no name yet.
        files.retain(|name, _| !name.contains('#'));
        assert_eq!(files, whole, "killed at step {step}");
        assert_eq!(project.files("log/labels").keys().filter(|name| !name.contains('#')).count(), 1);
        !died.status.success()
    };
    let steps = (1..).take_while(|step| killed(*step)).count();
    assert!(steps > 3, "{steps} steps");
}

#[test]
fn of_several_settlements_at_once_one_counts() {
    let undisturbed = at_once(None);
    undisturbed.run(&["labels", "settle"]).ok();
    let project = at_once(None);
    let settle = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["labels", "settle"]).current_dir(project.path(".")).stderr(Stdio::piped());
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let racing = (0..4).map(|_| settle()).collect::<Vec<_>>();
    for process in racing {
        let ended = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success() || said.contains("TG502"), "{said}");
    }
    project.run(&["labels", "settle"]).ok();
    assert_eq!(undisturbed.files("landing/label_changes"), project.files("landing/label_changes"));
    assert_eq!(project.files("log/labels").len(), 1);
}

#[test]
fn what_was_said_is_told_and_what_of_it_counts() {
    let project = project();
    let label = |version: u64, value: &str, op: &str| {
        let at = instant(version * 60);
        format!(
            r#"{{"tenant_id":"t","decision_id":"d1","target_scope":"decision","label_name":"quality","label_value":"{value}","annotator_kind":"HUMAN","annotator_token":"ann","identifier":"","version":{version},"op":"{op}","label_id":"l{version}","labeled_at":"{at}","ingested_at":"{at}"}}"#
        )
    };
    let rows = [label(1, "good", "assert"), label(2, "bad", "assert"), label(3, "bad", "retract")];
    project.write("landing/labels/1.ndjson", rows.join("\n"));
    let told = |more: &[&str]| {
        let run = project.run(&[&["labels", "history", "d1", "--format", "csv"], more].concat()).ok().stdout;
        run.lines().skip(1).map(|row| row.rsplit(',').take(2).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(told(&[]), ["false retracted", "false retracted", "false retracts"]);
    assert_eq!(told(&["--as-of", "2026-01-05T02:30:00Z"]), ["false superseded", "true counts", "false not yet known"]);
    let effective = |as_of: &str| {
        let sql = format!("SELECT decision_id, value, n_votes FROM labels_effective({as_of})");
        project.run(&["labels", "settle"]).ok();
        project.run(&["sql", "--format", "csv", &sql]).ok().stdout
    };
    assert_eq!(effective("'2026-01-05T01:30:00Z'"), "decision_id,value,n_votes\nd1,good,1\n");
    assert_eq!(effective(""), "decision_id,value,n_votes\n");
    let command = project.run(&["labels", "effective", "--as-of", "2026-01-05T02:00:00Z", "--format", "json"]).ok();
    assert!(command.stdout.contains(r#""value":"bad""#), "{}", command.stdout);
    let wrong = project.run(&["sql", "SELECT * FROM labels_effective(1)"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
}

#[test]
fn changes_protect_whom_the_decisions_protect() {
    let project = at_once(None);
    let protected =
        SQL.replacen("event_time = 'event_time'", "event_time = 'event_time', privacy_unit = 'user_token'", 1);
    project.write("sql/all.sql", &protected);
    let refused = project.run(&["labels", "settle"]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("TG791"), "{}", refused.stderr);
    let guarded = protected.replace(
        "format = 'parquet', event_time = 'event_time'",
        "format = 'parquet', event_time = 'event_time', privacy_unit = 'user_token'",
    );
    // What protects people is shown once, so windows wait for their labels.
    let guarded = guarded.replace("WITH (lateness = INTERVAL '30 days')", "");
    let guarded = guarded
        .replace("SELECT window_start", "SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2) window_start");
    project.write("sql/all.sql", guarded.split("CREATE SIGNAL").next().unwrap());
    project.run(&["labels", "settle"]).ok();
    for query in
        ["SELECT * FROM label_changes", "SELECT * FROM 'landing/label_changes/changes-00000000000000000000.parquet'"]
    {
        let refused = project.run(&["sql", query]);
        assert_eq!(refused.code, 4, "{query}: {}", refused.stderr);
    }
    project.write("sql/all.sql", guarded);
    project.run(&["run", "--until-end"]).ok();
    assert!(!project.files("released").is_empty());
}

#[test]
fn mistakes_in_the_rules_are_pointed_at() {
    let project = project();
    project.write("labels.toml", "[label.quality]\nmin_vote = 2\n");
    let refused = project.run(&["labels", "effective"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("TG781") && refused.stderr.contains("did you mean `min_votes`?"),
        "{}",
        refused.stderr
    );
    project.write("labels.toml", "");
    let refused = project.run(&["labels", "settle"]);
    assert!(refused.stderr.contains("TG790"), "{}", refused.stderr);
}
