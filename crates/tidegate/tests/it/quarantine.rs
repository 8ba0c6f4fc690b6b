//! Are rows that were set aside told, shown, and taken in after all, each once?

use serde_json::Value;

use crate::project::Project;

const SQL: &str = "
CREATE STREAM d (t TIMESTAMP, k VARCHAR, x BIGINT)
  WITH (path = 'landing', format = 'csv', event_time = 't', watermark = INTERVAL '0 minutes');
CREATE SIGNAL hourly AS SELECT window_start, window_end, COUNT(*) AS n
FROM TUMBLE(d, t, INTERVAL '1 hour') GROUP BY window_start, window_end;
CREATE SIGNAL totals AS SELECT k, SUM(x) AS total FROM d GROUP BY k;
";

/// Two hours are closed; then rows come for the first of them.
fn with_late_rows() -> Project {
    let project = Project::with_sql(SQL);
    project.write("landing/a.csv", "t,k,x\n2026-01-05T00:10:00Z,a,1\n2026-01-05T02:30:00Z,a,1\n");
    project.run(&["run"]).ok();
    project.write(
        "landing/b.csv",
        "t,k,x\n2026-01-05T00:20:00Z,b,2\n2026-01-05T02:40:00Z,b,2\n2026-01-05T00:30:00Z,b,2\n",
    );
    project.run(&["run"]).ok();
    project
}

fn hours(project: &Project) -> String {
    let query = "SELECT date_part('hour', window_start) AS hour, n, revision FROM released.hourly ORDER BY 1";
    project.run(&["sql", query, "--format", "csv"]).ok().stdout
}

fn list(project: &Project) -> Value {
    serde_json::from_str(&project.run(&["quarantine", "ls", "--json"]).ok().stdout).unwrap()
}

#[test]
fn late_rows_are_listed_and_shown() {
    let project = with_late_rows();
    let groups = list(&project);
    assert_eq!(groups.as_array().unwrap().len(), 1, "{groups}");
    let group = &groups[0];
    assert_eq!((group["stream"].as_str(), group["reason"].as_str()), (Some("d"), Some("late")));
    assert_eq!((group["signal"].as_str(), group["rows"].as_u64()), (Some("hourly"), Some(2)));
    assert_eq!(group["replayed"], 0);
    let text = project.run(&["quarantine", "ls"]).ok().stdout;
    assert!(text.contains("d: late for hourly: 2 rows, from 2026-01-05 00:20:00 to 2026-01-05 00:30:00"), "{text}");
    assert!(text.contains("  quarantine/d/"), "{text}");
    let rows = project.run(&["quarantine", "show", "--reason", "late", "--format", "csv"]).ok().stdout;
    assert!(rows.contains("d,b.csv,0,late,hourly") && rows.contains("d,b.csv,2,late,hourly"), "{rows}");
    let rows = project.run(&["quarantine", "show", "--limit", "1", "--format", "csv"]).ok().stdout;
    assert_eq!(rows.lines().count(), 2, "{rows}");
    assert_eq!(project.run(&["quarantine", "ls", "--stream", "other"]).ok().stdout, "nothing is set aside\n");
    assert_eq!(project.run(&["quarantine", "ls", "--reason", "never"]).code, 2);
}

#[test]
fn late_rows_are_taken_into_their_windows_once() {
    let project = with_late_rows();
    assert_eq!(hours(&project), "hour,n,revision\n0,1,0\n");
    let replay = project.run(&["quarantine", "replay", "--stream", "d", "--reason", "late"]).ok().stderr;
    assert!(replay.contains("2 rows replayed"), "{replay}");
    assert!(replay.contains("hourly: 2 rows read = 2 aggregated"), "{replay}");
    assert!(!replay.contains("totals: 2 rows"), "it had them: {replay}");
    assert_eq!(hours(&project), "hour,n,revision\n0,3,1\n");
    assert_eq!(list(&project)[0]["replayed"], 2);
    let shown = project.run(&["epochs"]).ok().stdout;
    assert!(shown.contains("d: 2 rows taken out of 1 file in quarantine"), "{shown}");

    let before = project.files(".");
    let again = project.run(&["quarantine", "replay", "--stream", "d"]).ok().stderr;
    assert!(again.contains("nothing was replayed"), "{again}");
    assert_eq!(before, project.files("."));
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(hours(&project), "hour,n,revision\n0,3,1\n2,2,0\n");
}

#[test]
fn a_replay_releases_what_timely_rows_would_have() {
    let project = with_late_rows();
    project.run(&["quarantine", "replay", "--stream", "d"]).ok();
    project.run(&["run", "--until-end"]).ok();
    let whole = Project::with_sql(SQL);
    for (name, bytes) in project.files("landing") {
        whole.write(&format!("landing/{name}"), bytes);
    }
    whole.run(&["run", "--until-end"]).ok();
    let counts = "SELECT window_start, n FROM released.hourly ORDER BY 1";
    let of = |project: &Project| project.run(&["sql", counts, "--format", "csv"]).ok().stdout;
    assert_eq!(of(&whole), of(&project));
    assert_eq!(whole.files("released/signal=totals"), project.files("released/signal=totals"));
}

#[test]
fn rows_from_the_future_are_taken_once_the_skew_allows_them() {
    let project = Project::with_sql(SQL);
    project.write("landing/a.csv", "t,k,x\n2026-01-05T00:10:00Z,a,1\n2200-01-01T00:00:00Z,b,5\n");
    project.run(&["run"]).ok();
    assert_eq!(list(&project)[0]["reason"], "event_in_future");
    let replay = ["quarantine", "replay", "--stream", "d"];
    let refused = project.run(&replay).ok().stderr;
    assert!(refused.contains("nothing was replayed"), "{refused}");
    assert!(refused.contains("1 rows read = 0 delivered + 1 rejected"), "{refused}");

    let wide = SQL.replace("'0 minutes');", "'0 minutes', max_future_skew = INTERVAL '100000 days');");
    project.write("sql/all.sql", wide);
    let replayed = project.run(&replay).ok().stderr;
    assert!(replayed.contains("1 row replayed"), "{replayed}");
    let totals = project.run(&["sql", "SELECT k, total FROM released.totals ORDER BY k", "--format", "csv"]).ok();
    assert_eq!(totals.stdout, "k,total\na,1\nb,5\n");
    // Its window is open until time gets there, or the input ends.
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(hours(&project), "hour,n,revision\n0,1,0\n0,1,0\n");
    assert!(project.run(&replay).ok().stderr.contains("nothing was replayed"));
}

#[test]
fn a_signal_that_has_judged_the_rows_itself_since_gets_none_twice() {
    let project = Project::with_sql(SQL);
    project.write("landing/a.csv", "t,k,x\n2026-01-05T00:10:00Z,a,1\n2200-01-01T00:00:00Z,b,5\n");
    project.run(&["run"]).ok();
    let wide = SQL.replace("'0 minutes');", "'0 minutes', max_future_skew = INTERVAL '100000 days');");
    project.write("sql/all.sql", wide + "CREATE SIGNAL added AS SELECT COUNT(*) AS n FROM d;");
    project.run(&["run"]).ok();
    let replay = project.run(&["quarantine", "replay", "--stream", "d"]).ok().stderr;
    assert!(replay.contains("1 row replayed") && !replay.contains("added"), "{replay}");
    let rows = |query: &str| project.run(&["sql", query, "--format", "csv"]).ok().stdout;
    assert_eq!(rows("SELECT n FROM released.added"), "n\n2\n");
    assert_eq!(rows("SELECT SUM(total) AS total FROM released.totals"), "total\n6\n");
}

#[test]
fn rows_of_a_corrected_type_are_not_taken_beside_a_signal_that_starts_again() {
    let project = Project::with_sql(SQL);
    project.write("landing/a.csv", "t,k,x\n2026-01-05T00:10:00Z,a,1\n2026-01-05T00:20:00Z,a,2.5\n");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(list(&project)[0]["reason"], "type_mismatch");
    project.write("sql/all.sql", SQL.replace("x BIGINT", "x DOUBLE"));
    for run in [&["run", "--until-end"][..], &["quarantine", "replay", "--stream", "d"]] {
        project.run(run).ok();
    }
    let totals = project.run(&["sql", "SELECT total FROM released.totals", "--format", "csv"]).ok();
    assert_eq!(totals.stdout, "total\n3.5\n");
}

#[test]
fn rows_whose_file_is_gone_or_changed_stay() {
    let project = with_late_rows();
    let replay = ["quarantine", "replay", "--stream", "d"];
    let kept = project.files("landing").remove("b.csv").unwrap();
    std::fs::remove_file(project.path("landing/b.csv")).unwrap();
    let gone = project.run(&replay).ok().stderr;
    assert!(gone.contains("2 rows left in quarantine: the landing file is gone"), "{gone}");
    project.write("landing/b.csv", "t,k,x\n");
    let changed = project.run(&replay).ok().stderr;
    assert!(changed.contains("2 rows left in quarantine: the landing file is another"), "{changed}");
    project.write("landing/b.csv", kept);
    assert!(project.run(&replay).ok().stderr.contains("2 rows replayed"));
}

#[test]
fn a_changed_signal_does_not_take_the_late_rows_of_its_old_definition() {
    let project = with_late_rows();
    project.write("sql/all.sql", SQL.replace("COUNT(*) AS n", "COUNT(*) AS n, MAX(k) AS most"));
    let run = project.run(&["quarantine", "replay", "--stream", "d"]).ok().stderr;
    assert!(run.contains("2 rows left in quarantine: the signals changed since"), "{run}");
    project.run(&["run"]).ok();
    let run = project.run(&["quarantine", "replay", "--stream", "d"]).ok().stderr;
    assert!(run.contains("2 rows replayed"), "{run}");
    assert_eq!(hours(&project), "hour,n,revision\n0,3,1\n");
}

#[test]
fn replaying_an_unknown_stream_is_refused() {
    let project = with_late_rows();
    let run = project.run(&["quarantine", "replay", "--stream", "nobody"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("TG302"), "{}", run.stderr);
}

/// What a row has met stands: one that comes behind its stream's watermark, or behind the end that its stream was
/// declared to have, is told and never taken.
#[test]
fn rows_too_late_for_a_join_are_told_and_stay() {
    let project = Project::with_sql(
        "CREATE STREAM d (t TIMESTAMP, id BIGINT) WITH (path = 'landing/d', format = 'csv', event_time = 't');
         CREATE STREAM l (t TIMESTAMP, id BIGINT) WITH (path = 'landing/l', format = 'csv', event_time = 't');
         CREATE SIGNAL rates AS SELECT window_start, window_end, COUNT(*) AS n, COUNT(l.id) AS labelled
         FROM TUMBLE(d, t, INTERVAL '1 hour') AS d
         LEFT JOIN l ON l.id = d.id AND l.t BETWEEN d.t AND d.t + INTERVAL '1 hour' GROUP BY window_start, window_end;",
    );
    let rates = || {
        let query = "SELECT date_part('hour', window_start) AS hour, n, labelled FROM released.rates ORDER BY 1";
        project.run(&["sql", query, "--format", "csv"]).ok().stdout
    };
    project.write("landing/d/a.csv", "t,id\n2026-01-05T00:10:00Z,1\n2026-01-05T00:20:00Z,2\n2026-01-05T03:00:00Z,3\n");
    project.write("landing/l/a.csv", "t,id\n2026-01-05T00:30:00Z,1\n2026-01-05T01:30:00Z,9\n");
    project.run(&["run"]).ok();
    assert_eq!(rates(), "hour,n,labelled\n", "rows of the first hour may find partners until 02:00");
    project.write("landing/l/b.csv", "t,id\n2026-01-05T02:10:00Z,9\n2026-01-05T01:20:00Z,2\n");
    project.run(&["run"]).ok();
    // The row of 01:20 is behind the watermark of 01:30, and the one it could have met has met nobody.
    assert_eq!(rates(), "hour,n,labelled\n0,2,1\n");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(rates(), "hour,n,labelled\n0,2,1\n3,1,0\n");
    project.write("landing/l/c.csv", "t,id\n2026-01-05T03:30:00Z,3\n2026-01-05T04:30:00Z,4\n");
    project.write("landing/d/c.csv", "t,id\n2026-01-05T04:00:00Z,4\n");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(rates(), "hour,n,labelled\n0,2,1\n3,1,0\n4,1,1\n");
    let groups = list(&project);
    let late = groups.as_array().unwrap().iter().map(|group| (group["signal"].as_str(), group["rows"].as_u64()));
    assert_eq!(late.collect::<Vec<_>>(), [(Some("rates"), Some(2))], "{groups}");
    let replayed = project.run(&["quarantine", "replay", "--stream", "l"]).ok();
    assert!(format!("{}{}", replayed.stdout, replayed.stderr).contains("takes nothing back"), "{}", replayed.stderr);
    assert_eq!(rates(), "hour,n,labelled\n0,2,1\n3,1,0\n4,1,1\n");
    let epochs = project.run(&["epochs"]).ok().stdout;
    assert!(epochs.contains("rates: 2 rows met, 2 rows of it aggregated; watermark 2026-01-05 00:30:00"), "{epochs}");
    let explained = project.run(&["explain", "rates"]).ok().stdout;
    assert!(
        explained.contains("joins     each row of d with rows of l from 0ns before to 3600s after it"),
        "{explained}"
    );
}
