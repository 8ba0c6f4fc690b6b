//! Does `tidegate epochs` say what the log says, and does a run account for every row?

use serde_json::Value;

use crate::project::Project;

const SQL: &str = "
CREATE STREAM d (t TIMESTAMP, k VARCHAR)
  WITH (path = 'landing', format = 'csv', event_time = 't', watermark = INTERVAL '0 minutes', dedupe_key = 'k',
        dedupe_horizon = INTERVAL '1 day');
CREATE SIGNAL hourly WITH (lateness = INTERVAL '0 minutes') AS SELECT window_start, window_end, COUNT(*) AS n
FROM TUMBLE(d, t, INTERVAL '1 hour') WHERE k <> 'no' GROUP BY window_start, window_end;
";

/// Two runs: the second brings a late row, a duplicate, a bad row, and one that the query leaves out.
fn with_two_runs() -> Project {
    let project = Project::with_sql(SQL);
    project.write("landing/a.csv", "t,k\n2026-01-05T00:10:00Z,a\n2026-01-05T03:00:00Z,b\n");
    project.run(&["run"]).ok();
    project.write(
        "landing/b.csv",
        "t,k\n2026-01-05T00:20:00Z,late\n2026-01-05T03:00:00Z,b\nnever,x\n2026-01-05T05:00:00Z,no\n",
    );
    project
}

#[test]
fn a_run_accounts_for_every_row_of_a_stream() {
    let project = with_two_runs();
    let run = project.run(&["run", "--json"]).ok();
    for words in [
        "4 rows read = 2 delivered + 1 rejected + 1 duplicate",
        "1 row behind the watermark",
        "1 row too late; see `tidegate quarantine ls --reason late`",
    ] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let stream = &report["streams"]["d"];
    assert_eq!(stream["account"], serde_json::json!({"read": 4, "delivered": 2, "rejected": 1, "duplicate": 1}));
    assert_eq!(stream["rows_behind"], 1);
    assert_eq!(report["signals"]["hourly"]["rows"]["late"], 1);
}

#[test]
fn the_log_is_shown_record_by_record_and_in_total() {
    let project = with_two_runs();
    project.run(&["run"]).ok();
    let before = project.files(".");
    let shown = project.run(&["epochs"]).ok().stdout;
    let lines = shown.lines().collect::<Vec<_>>();
    assert!(lines[0].starts_with("0 epoch "), "{shown}");
    assert!(lines[1].starts_with("1 release ") && lines[1].contains("hourly: 1 day"), "{shown}");
    let account = "hourly: 4 rows read = 0 aggregated + 1 filtered + 1 late + 1 rejected + 1 duplicate";
    for words in [
        "4 rows read = 2 delivered + 1 rejected + 1 duplicate",
        account,
        "1 behind the watermark",
        "watermark 2026-01-05 05:00:00",
        "quarantine: 1 late, 1 type_mismatch",
        "generation 2",
    ] {
        assert!(lines[2].contains(words), "{words}: {shown}");
    }
    assert!(shown.contains("d: 2 files; 6 rows read = 4 delivered + 1 rejected + 1 duplicate"), "{shown}");
    let last = project.run(&["epochs", "--last", "1"]).ok().stdout;
    assert!(!last.contains("0 epoch ") && last.contains("d: 2 files; 6 rows read"), "{last}");
    assert_eq!(before, project.files("."), "reading changes nothing");
}

#[test]
fn the_log_as_json_balances() {
    let project = with_two_runs();
    project.run(&["run"]).ok();
    let report: Value = serde_json::from_str(&project.run(&["epochs", "--json"]).ok().stdout).unwrap();
    assert_eq!(report["records"][2]["kind"], "epoch");
    assert_eq!(report["records"][2]["record"], 2);
    assert_eq!(report["totals"]["streams"]["d"]["rows"]["read"], 6);
    assert_eq!(report["totals"]["signals"]["hourly"]["rows"]["aggregated"], 2);
    assert_eq!(report["totals"]["signals"]["hourly"]["state_files"], 1);
}

#[test]
fn an_empty_log_is_no_failure_and_stays_absent() {
    let project = Project::with_sql(SQL);
    assert_eq!(project.run(&["epochs", "--root", "elsewhere"]).ok().stdout, "no epochs yet\n");
    assert_eq!(project.run(&["epochs"]).ok().stdout, "no epochs yet\n");
    assert!(!project.path("elsewhere").exists() && !project.path("log").exists());
}

#[test]
fn a_log_of_epochs_is_plain_text_where_nobody_sees_colours() {
    let project = with_two_runs();
    let run = project.run(&["run", "-v"]).ok();
    assert!(run.stderr.contains("DEBUG epoch{stream=d record=2}: committing rows=4 files=1"), "{}", run.stderr);
    assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
}
