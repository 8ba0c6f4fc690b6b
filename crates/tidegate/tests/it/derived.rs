//! Do signals over released signals follow what they read, and nothing else?

use std::collections::BTreeMap;

use serde_json::Value;

use crate::project::Project;

const STREAM: &str = "
CREATE STREAM d (at TIMESTAMP, k VARCHAR, x BIGINT) WITH (path = 'landing', format = 'csv', event_time = 'at',
  watermark = INTERVAL '1 hour');
CREATE SIGNAL hourly WITH (lateness = INTERVAL '10 days') AS SELECT window_start, window_end, k, COUNT(*) AS n, SUM(x) AS x
FROM TUMBLE(d, at, INTERVAL '1 hour') GROUP BY window_start, window_end, k;
";
const CHANGE: &str = "
CREATE SIGNAL change AS SELECT window_start, k, n, n - lag(n) OVER (PARTITION BY k ORDER BY window_start) AS more
FROM released.hourly;
";
/// Stands before what it reads.
const WORST: &str = "
CREATE SIGNAL worst AS SELECT k, max(abs(more)) AS most FROM released.change GROUP BY k;
";

fn project(sql: &str) -> Project {
    let project = Project::with_sql(&format!("{WORST}{STREAM}{CHANGE}{sql}"));
    land(&project, "a", 5, 4);
    project
}

/// Per hour of a day one row more than in the hour before.
fn land(project: &Project, name: &str, day: u32, hours: u32) {
    let rows = (0..hours).flat_map(|hour| (0..=hour).map(move |row| (hour, row)));
    let rows = rows.map(|(hour, row)| format!("2026-01-{day:02}T{hour:02}:{row:02}:00Z,a,1\n"));
    project.write(&format!("landing/{name}.csv"), "at,k,x\n".to_owned() + &rows.collect::<String>());
}

fn asked(project: &Project, query: &str) -> Vec<Value> {
    serde_json::from_str(&project.run(&["sql", query, "--format", "json"]).ok().stdout).unwrap()
}

#[test]
fn a_signal_over_released_signals_follows_them() {
    let project = project("");
    assert!(project.run(&["check"]).ok().stdout.contains("3 signals are ready"));
    assert_eq!(asked(&project, "SELECT most FROM released.worst"), Vec::<Value>::new(), "nothing is released yet");
    project.run(&["run", "--until-end"]).ok();
    let more = |project: &Project| {
        let rows = asked(project, "SELECT window_start, more FROM released.change ORDER BY window_start");
        rows.iter().map(|row| row["more"].as_i64()).collect::<Vec<_>>()
    };
    assert_eq!(more(&project), [None, Some(1), Some(1), Some(1)]);
    assert_eq!(asked(&project, "SELECT most FROM released.worst")[0]["most"], 1);
    // Nothing new: nothing is computed, and nothing is written.
    let before = project.files(".");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(project.files("."), before);
    // A day later its neighbour is the day before, and that one's file stays.
    land(&project, "b", 6, 1);
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(more(&project), [None, Some(1), Some(1), Some(1), Some(-3)]);
    assert_eq!(asked(&project, "SELECT most FROM released.worst")[0]["most"], 3);
    let day = "signal=change/date=2026-01-05/part-0.parquet";
    assert_eq!(project.files("released")[day], before[&format!("released/{day}")], "its rows are the same");
    // A late row restates a window, and what was computed from it.
    project.write("landing/c.csv", "at,k,x\n2026-01-05T00:30:00Z,a,1\n");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(more(&project), [None, Some(0), Some(1), Some(1), Some(-3)]);
    assert!(project.run(&["diff"]).ok().stdout.contains("change: unchanged"));
}

#[test]
fn a_run_that_died_before_it_followed_is_made_up_for() {
    let (whole, cut) = (project(""), project(""));
    whole.run(&["run", "--until-end"]).ok();
    cut.run(&["run", "--until-end"]).ok();
    // The log as it was after the streams' own release: what followed from it is gone.
    let records = cut.files("log/commits");
    let is_derived = |bytes: &Vec<u8>| serde_json::from_slice::<Value>(bytes).unwrap()["body"]["derived"].is_object();
    let derived = records.iter().filter(|(_, bytes)| is_derived(bytes)).map(|(path, _)| path.clone());
    let derived = derived.collect::<Vec<_>>();
    assert_eq!(derived.len(), 2, "{:?}", records.keys());
    for path in derived {
        std::fs::remove_file(cut.path(&format!("log/commits/{path}"))).unwrap();
    }
    for signal in ["change", "worst"] {
        std::fs::remove_dir_all(cut.path(&format!("released/signal={signal}"))).unwrap();
    }
    cut.run(&["run", "--until-end"]).ok();
    assert_eq!(cut.files("released"), whole.files("released"));
}

#[test]
fn a_changed_definition_is_computed_again_and_leaves_no_stale_day() {
    let project = project("");
    project.run(&["run", "--until-end"]).ok();
    let sql = format!(
        "{WORST}{STREAM}{}",
        CHANGE.replace("window_start, k", "window_start + INTERVAL '1 day' AS window_start, k")
    );
    project.write("sql/all.sql", sql);
    assert!(project.run(&["diff"]).ok().stdout.contains("change: changed"));
    project.run(&["run", "--until-end"]).ok();
    let files = project.files("released");
    let days = files.keys().filter(|path| path.contains("signal=change")).cloned().collect::<Vec<_>>();
    assert_eq!(days, ["signal=change/date=2026-01-06/part-0.parquet"]);
    let rows = asked(&project, "SELECT count(*) AS n FROM released.change");
    assert_eq!(rows[0]["n"], 4);
}

/// One event per turn, however often it is found.
#[test]
fn a_verdict_that_turns_is_told_once() {
    let project = project(
        "CREATE SIGNAL watch AS SELECT window_start, k, CASE WHEN n = 1 THEN 'insufficient' WHEN n IN (2, 4) THEN 'stable' ELSE 'drift' END AS verdict, 'stable' AS other_verdict, n
         FROM released.hourly;",
    );
    let told = |project: &Project| {
        let events = project.files("events");
        let event = |bytes: &Vec<u8>| serde_json::from_slice::<Value>(bytes).unwrap();
        let mut events = events.values().map(event).collect::<Vec<_>>();
        events.sort_by_key(|event| event["time"].as_str().unwrap().to_owned());
        events
    };
    let run = project.run(&["run", "--until-end"]).ok();
    assert!(run.stderr.contains("watch: 2 verdicts turned, see events/signal=watch/"), "{}", run.stderr);
    let turn = |event: &Value| {
        let data = &event["data"];
        (event["time"].as_str().unwrap().to_owned(), data["from"].clone(), data["to"].as_str().unwrap().to_owned())
    };
    let at =
        |hour: u32, from: &str, to: &str| (format!("2026-01-05T{hour:02}:00:00Z"), Value::from(from), to.to_owned());
    let first = told(&project);
    assert_eq!(first.iter().map(turn).collect::<Vec<_>>(), [at(2, "stable", "drift"), at(3, "drift", "stable")]);
    assert_eq!((&first[0]["specversion"], &first[0]["type"]), (&"1.0".into(), &"dev.tidegate.verdict.turned".into()));
    assert_eq!((&first[0]["data"]["series"]["k"], &first[0]["subject"]), (&"a".into(), &"k=a/verdict".into()));
    // What was told stays told; the next day turns nothing before its third hour.
    land(&project, "b", 6, 3);
    project.run(&["run", "--until-end"]).ok();
    let second = told(&project);
    assert_eq!(second[..2], first);
    assert_eq!(second.len(), 3);
    assert!(!project.run(&["run", "--until-end"]).ok().stderr.contains("turned"));
}

#[test]
fn what_is_wrong_with_it_is_said_where_it_stands() {
    let refused = BTreeMap::from([
        ("SELECT 1 AS one FROM released.nothing", "TG111"),
        ("SELECT nn FROM released.hourly", "TG110"),
        ("SELECT h.n FROM released.hourly AS h JOIN d ON d.k = h.k", "TG111"),
        ("SELECT random() AS r FROM released.hourly", "TG122"),
        ("SELECT n, now() AS at FROM released.hourly", "TG122"),
        ("SELECT a.n, b.n FROM released.hourly AS a, released.hourly AS b", "TG132"),
        (
            "SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 5, privacy_unit_column = k) COUNT(*) AS n FROM released.hourly",
            "TG120",
        ),
        ("SELECT n FROM released.mine", "TG111"),
        ("SELECT n AS release_id FROM released.hourly", "TG132"),
    ]);
    for (query, code) in refused {
        let project = project(&format!("CREATE SIGNAL mine AS {query};"));
        for command in ["check", "run"] {
            let shown = project.run(&[command]).failure();
            assert!(shown.contains(code) && shown.contains("all.sql:"), "{query}: {shown}");
        }
        assert_eq!(project.files("log").len(), 0, "{query}");
    }
}

#[test]
fn a_signal_that_fails_on_a_row_keeps_no_other_from_its_readers() {
    let project = project("CREATE SIGNAL bad AS SELECT window_start, CAST(k AS BIGINT) AS k FROM released.hourly;");
    let run = project.run(&["run", "--until-end"]);
    assert!(run.code != 0 && run.stderr.contains("bad"), "{}", run.stderr);
    assert_eq!(asked(&project, "SELECT most FROM released.worst")[0]["most"], 1);
    assert!(project.run(&["explain", "change"]).ok().stdout.contains("released.hourly"));
}
