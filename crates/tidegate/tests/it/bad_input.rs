//! Does bad input get one clear message and the right exit code, and leave nothing half-written?

use std::fs;

use crate::project::{Project, Run};

const STREAM: &str = "CREATE STREAM d (event_time TIMESTAMP, u VARCHAR, x BIGINT)
  WITH (path = 'landing', format = 'ndjson', event_time = 'event_time');
";
const COUNT: &str = "CREATE SIGNAL s AS SELECT COUNT(*) AS n, SUM(x) AS total FROM d;\n";

/// Runs a project of `sql` and makes sure that nothing was written.
#[track_caller]
fn refused(sql: &str) -> String {
    let project = Project::with_sql(sql);
    project.write("landing/a.ndjson", "{\"event_time\": \"2026-01-05T00:00:00Z\", \"u\": \"ann\", \"x\": 1}\n");
    let before = project.files(".");
    let run = project.run(&["run"]);
    assert_eq!(before, project.files("."), "something was written");
    assert_ne!(run.code, 0);
    run.failure()
}

/// Runs a good project over bad files and gives what was said.
fn tolerated(project: &Project) -> Run {
    project.run(&["run", "--until-end"]).ok()
}

#[test]
fn a_typo_in_a_column() {
    insta::assert_snapshot!(refused(&format!(
        "{STREAM}CREATE SIGNAL s AS\nSELECT COUNT(*) AS n, SUM(xx) AS total, MAX(evnt_time) AS latest\nFROM d;\n"
    )));
}

#[test]
fn an_unknown_option() {
    insta::assert_snapshot!(refused("CREATE STREAM d WITH (path = 'landing', fromat = 'ndjson');"));
}

#[test]
fn several_mistakes_are_told_together() {
    insta::assert_snapshot!(refused(&format!(
        "{STREAM}
CREATE SIGNAL a AS SELECT approx_percentile_cont(x, 0.9) AS p FROM d;
CREATE SIGNAL b AS SELECT u, COUNT(*) AS n FROM d GROUP BY u ORDER BY n DESC LIMIT 3;
CREATE SIGNAL c AS SELECT COUNT(*) AS n FROM d WHERE event_time > now();
CREATE SIGNAL e AS SELECT COUNT(*) AS n FROM e;
"
    )));
}

#[test]
fn not_sql() {
    insta::assert_snapshot!(refused(&format!("{STREAM}CREATE SIGNAL s AS\nSELECT COUNT(* FROM d;")));
}

#[test]
fn a_missing_folder() {
    let sql = STREAM.replace("landing", "landnig");
    let shown = refused(&format!("{sql}{COUNT}"));
    let shown = shown
        .lines()
        .map(|line| if line.contains("landnig` does") { "  × `[folder]/landnig` does not exist" } else { line });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_signal_over_a_protected_stream_without_a_clause() {
    let sql = STREAM.replace("format", "privacy_unit = 'u', format");
    insta::assert_snapshot!(refused(&format!("{sql}{COUNT}")));
}

#[test]
fn a_clause_that_shows_units() {
    let sql = STREAM.replace("format", "privacy_unit = 'u', format");
    let clause = "SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 5, privacy_unit_column = u)";
    insta::assert_snapshot!(refused(&format!(
        "{sql}CREATE SIGNAL s AS\n{clause}\n  MAX(u) AS someone, COUNT(*) AS n FROM d;"
    )));
}

#[test]
fn copies_of_units_are_units() {
    let sql = STREAM.replace("format", "privacy_unit = 'u', format");
    let clause = "SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 5, privacy_unit_column = u)";
    for query in [
        "MAX(v) AS m FROM (SELECT u, u || '' AS v FROM d) t",
        "v, COUNT(*) AS n FROM (SELECT u, upper(u) AS v FROM d) t GROUP BY v",
        "COUNT(CASE WHEN u = 'u1' THEN 1 END) AS n FROM d",
        "COUNT(*) FILTER (WHERE u = 'u1') AS n FROM d",
        "COUNT(*) AS n FROM d WHERE u <> 'u1'",
        "SUM(CASE WHEN u = 'u1' THEN 1 ELSE 0 END) AS n FROM d",
        "array_agg(v ORDER BY v) AS n FROM (SELECT u, u AS v FROM d) t",
    ] {
        let shown = refused(&format!("{sql}CREATE SIGNAL s AS {clause} {query};"));
        assert!(shown.starts_with("exit code 4\nTG203"), "{query}: {shown}");
    }
    let counted = "window_start, COUNT(DISTINCT u) AS people, COUNT(u) AS known, COUNT(*) AS n
      FROM TUMBLE(d, event_time, INTERVAL '1 day') WHERE u IS NOT NULL GROUP BY window_start";
    let project = Project::with_sql(&format!("{sql}CREATE SIGNAL s AS {clause} {counted};"));
    project.write("landing/a.ndjson", "");
    project.run(&["check"]).ok();
}

#[test]
fn windows_need_the_event_time_of_their_stream() {
    let window = "CREATE SIGNAL s AS SELECT window_start, COUNT(*) AS n
FROM TUMBLE(d, other, INTERVAL '1 hour') GROUP BY window_start;";
    let two = STREAM.replace("u VARCHAR", "other TIMESTAMP");
    insta::assert_snapshot!("windows_on_another_column", refused(&format!("{two}{window}")));
    let none = two.replace(", event_time = 'event_time'", "");
    insta::assert_snapshot!("windows_without_event_time", refused(&format!("{none}{window}")));
    let hop = window.replace("TUMBLE", "HOP");
    insta::assert_snapshot!("hop_windows", refused(&format!("{two}{hop}")));
}

#[test]
fn a_setting_that_does_not_exist() {
    let project = Project::with_sql(&format!("{STREAM}{COUNT}"));
    project.write("landing/a.ndjson", "");
    project.write("tidegate.toml", "[epoch]\nmax_fiels = 3\n");
    let shown = project.run(&["run"]).failure();
    insta::assert_snapshot!(shown.replace("./tidegate.toml", "tidegate.toml"));
}

#[test]
fn no_project_here() {
    insta::assert_snapshot!(Project::empty().run(&["run"]).failure());
}

#[test]
fn a_truncated_parquet_file_is_set_aside_and_the_run_goes_on() {
    let project = Project::empty();
    project.run(&["generate", "--out", "landing", "--rows", "2000", "--days", "2"]).ok();
    project.write(
        "sql/all.sql",
        "
        CREATE STREAM decisions WITH (path = 'landing/decisions', format = 'parquet', event_time = 'event_time');
        CREATE SIGNAL s AS SELECT COUNT(*) AS n FROM decisions;",
    );
    let broken = project.path("landing/decisions/date=2026-01-06/part-0000.parquet");
    let bytes = fs::read(&broken).unwrap();
    fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let run = tolerated(&project);
    assert!(run.stderr.contains("0 rows and 1 file were set aside in quarantine"), "{}", run.stderr);
    assert!(run.stderr.contains("date=2026-01-06/part-0000.parquet: file_corrupt"), "{}", run.stderr);
    let reasons = project.path("quarantine/decisions");
    let query = format!("SELECT reason, row IS NULL AS whole FROM '{}/'", reasons.display());
    let elsewhere = Project::empty();
    let rows = elsewhere.run(&[
        "sql",
        "--format",
        "csv",
        &query.replace("/'", &format!("/{}'", project.files("quarantine/decisions").keys().next().unwrap())),
    ]);
    assert_eq!(rows.ok().stdout, "reason,whole\nfile_corrupt,true\n");
}

#[test]
fn a_json_line_with_a_wrong_type_is_set_aside_without_its_value() {
    let project = Project::with_sql(&format!("{STREAM}{COUNT}"));
    let good = "{\"event_time\": \"2026-01-05T00:00:00Z\", \"u\": \"ann\", \"x\": 1}\n";
    let bad = "{\"event_time\": \"2026-01-05T00:00:00Z\", \"u\": \"bob\", \"x\": \"secret-4711\"}\n";
    let broken = "{\"event_time\": \"2026-01-05T00:00\n";
    project.write("landing/a.ndjson", format!("{good}{bad}{broken}{good}"));
    let run = tolerated(&project);
    assert!(run.stderr.contains("2 rows and 0 files were set aside in quarantine"), "{}", run.stderr);
    assert!(run.stderr.contains("a.ndjson row 1: type_mismatch"), "{}", run.stderr);
    assert!(run.stderr.contains("4 rows read = 2 aggregated + 0 filtered + 0 late + 2 rejected"), "{}", run.stderr);
    let traces = project.files(".").into_iter().filter(|(path, _)| !path.starts_with("landing"));
    for (path, bytes) in traces {
        assert!(!String::from_utf8_lossy(&bytes).contains("secret-4711"), "{path} shows a rejected value");
    }
    assert!(!run.stderr.contains("4711"));
}

#[test]
fn an_overflowing_sum_is_an_error_and_not_a_wrong_number() {
    let project = Project::with_sql(&format!("{STREAM}{COUNT}CREATE SIGNAL z AS SELECT COUNT(*) AS n FROM d;"));
    let row = format!("{{\"event_time\": \"2026-01-05T00:00:00Z\", \"x\": {}}}\n", i64::MAX);
    project.write("landing/a.ndjson", row.repeat(2));
    let run = project.run(&["run"]);
    assert_eq!(run.code, 3);
    insta::assert_snapshot!(run.failure());
    let released = project.files("released").into_keys().collect::<Vec<_>>();
    assert_eq!(released, ["signal=z/date=1970-01-01/part-0.parquet"], "other signals are released all the same");
}

#[test]
fn arithmetic_on_rows_does_not_wrap() {
    let project = Project::with_sql(&format!("{STREAM}CREATE SIGNAL s AS SELECT SUM(x * 1000) AS n FROM d;"));
    project.write("landing/a.ndjson", format!("{{\"event_time\": \"2026-01-05T00:00:00Z\", \"x\": {}}}\n", i64::MAX));
    let run = project.run(&["run"]);
    assert_eq!(run.code, 3);
    insta::assert_snapshot!(run.failure());
}

#[test]
fn a_row_that_one_signal_cannot_compute_stops_only_that_signal() {
    let project =
        Project::with_sql(&format!("{STREAM}{COUNT}CREATE SIGNAL z AS SELECT SUM(CAST(u AS INT)) AS n FROM d;"));
    project.write("landing/a.ndjson", "{\"event_time\": \"2026-01-05T00:00:00Z\", \"u\": \"secret-4711\", \"x\": 1}\n");
    let run = project.run(&["run"]);
    assert_eq!(run.code, 3);
    insta::assert_snapshot!(run.failure());
    assert_eq!(project.files("released").len(), 1);
    // Corrected, it reads the same rows again.
    project
        .write("sql/all.sql", format!("{STREAM}{COUNT}CREATE SIGNAL z AS SELECT SUM(TRY_CAST(u AS INT)) AS n FROM d;"));
    let run = project.run(&["run"]).ok();
    assert!(run.stderr.contains("z: 1 rows read = 1 aggregated"), "{}", run.stderr);
}

#[test]
fn a_root_that_cannot_be_written() {
    let project = Project::with_sql(&format!("{STREAM}{COUNT}"));
    project.write("landing/a.ndjson", "");
    project.write("out", "a file, where a folder should be");
    let run = project.run(&["run", "--root", "out"]);
    assert_eq!(run.code, 3);
    insta::assert_snapshot!(run.failure());
}

#[test]
fn a_damaged_log_and_damaged_state_are_named() {
    let project = Project::with_sql(&format!("{STREAM}{COUNT}"));
    project.write("landing/a.ndjson", "{\"event_time\": \"2026-01-05T00:00:00Z\", \"x\": 1}\n");
    project.run(&["run"]).ok();
    let record = "log/commits/00000000000000000000.json";
    let text = fs::read_to_string(project.path(record)).unwrap();
    project.write(record, text.replace("\"aggregated\":1", "\"aggregated\":2"));
    insta::assert_snapshot!("damaged_log", project.run(&["run"]).failure());
    project.write(record, text);
    project.run(&["run"]).ok();

    let state = project.files("state").into_keys().next().unwrap();
    project.write(&format!("state/{state}"), "not a state");
    project.write("landing/b.ndjson", "{\"event_time\": \"2026-01-05T00:00:00Z\", \"x\": 1}\n");
    let run = project.run(&["run"]);
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("TG503"), "{}", run.stderr);
}
