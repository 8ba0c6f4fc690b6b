//! Is every column that a stream gains, loses or finds with another type told once, and no value with it?

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use crate::project::Project;

const SQL: &str = "
CREATE STREAM c (at TIMESTAMP) WITH (path = 'landing/c', format = 'csv', event_time = 'at');
CREATE STREAM p (at TIMESTAMP, x BIGINT) WITH (path = 'landing/p', format = 'parquet', event_time = 'at');
CREATE SIGNAL rows_of_c AS SELECT COUNT(*) AS n FROM c;
CREATE SIGNAL rows_of_p AS SELECT COUNT(*) AS n, SUM(x) AS x FROM p;
";

const ALL: &str = "SELECT detected_at, stream, column_name, change, from_type, to_type FROM released.schema_drift
  ORDER BY detected_at, stream, column_name";

/// What no table and no log may hold.
const CANARY: &str = "canary-7d1f";

/// Files in the order in which they are written, one a day from 2026-02-01 on.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let csv = |header: &str, rest: &str| format!("{header}\n2026-01-05T00:00:00Z,{rest}\n").into_bytes();
    vec![
        ("landing/c/1.csv", csv("at,a,b", &format!("1,{CANARY}"))),
        ("landing/p/1.parquet", numbers(Arc::new(Int64Array::from(vec![1])))),
        ("landing/c/2.csv", csv("at,a,b,new", &format!("2.5,{CANARY},{CANARY}"))),
        ("landing/c/3.csv", csv("at,a,b,new", ",,")),
        ("landing/p/2.parquet", numbers(Arc::new(Float64Array::from(vec![1.5])))),
        ("landing/c/4.csv", csv("at,a", CANARY)),
        ("landing/p/3.parquet", numbers(Arc::new(Float64Array::from(vec![2.5])))),
    ]
}

fn numbers(x: ArrayRef) -> Vec<u8> {
    let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_767_571_200_000_000]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![CANARY]));
    let rows = RecordBatch::try_from_iter([("at", at), ("x", x), ("text", texts)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

/// What is told of them: the day, and what happened.
const EXPECTED: [&str; 4] = [
    "2026-02-03 c.new appeared - -",
    "2026-02-05 p.x type_changed Int64 Float64",
    "2026-02-06 c.b vanished - -",
    "2026-02-06 c.new vanished - -",
];

/// Lets a file land that was written on a day of February.
fn land(project: &Project, day: u64, name: &str, bytes: impl AsRef<[u8]>) {
    /// 2026-02-01.
    const FIRST_DAY: u64 = 20_485;
    let path = project.write(name, bytes);
    let written_at = SystemTime::UNIX_EPOCH + Duration::from_secs((FIRST_DAY + day - 1) * 86_400 + 3_600);
    File::options().write(true).open(path).unwrap().set_modified(written_at).unwrap();
}

fn project() -> Project {
    let project = Project::with_sql(SQL);
    land_all(&project);
    project
}

fn land_all(project: &Project) {
    for (day, (name, bytes)) in (1..).zip(files()) {
        land(project, day, name, bytes);
    }
}

fn asked(project: &Project, query: &str) -> Vec<Value> {
    serde_json::from_str(&project.run(&["sql", query, "--format", "json"]).ok().stdout).unwrap()
}

fn told(project: &Project) -> Vec<String> {
    let line = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
        let (day, column) = (text("detected_at")[..10].to_owned(), text("stream") + "." + &text("column_name"));
        format!("{day} {column} {} {} {}", text("change"), text("from_type"), text("to_type"))
    };
    asked(project, ALL).iter().map(line).collect()
}

#[test]
fn every_change_is_one_row_and_shows_no_value() {
    let project = Project::with_sql(SQL);
    land(&project, 1, files()[0].0, &files()[0].1);
    land(&project, 2, files()[1].0, &files()[1].1);
    assert_eq!(told(&project), Vec::<String>::new(), "nothing was read yet");
    project.run(&["run"]).ok();
    assert_eq!(told(&project), Vec::<String>::new(), "the first files change nothing");
    assert!(!project.path("released/signal=schema_drift").exists());
    land_all(&project);
    let run = project.run(&["run", "--until-end"]).ok();
    assert!(run.stderr.contains("schema_drift: released 4 rows in 3 files"), "{}", run.stderr);
    assert_eq!(told(&project), EXPECTED);
    for folder in ["released/signal=schema_drift", "log"] {
        for (path, bytes) in project.files(folder) {
            let found = bytes.windows(CANARY.len()).any(|bytes| bytes == CANARY.as_bytes());
            assert!(!found, "{folder}/{path} holds a value");
        }
    }
    // A second run finds nothing new and writes nothing.
    let before = project.files(".");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(project.files("."), before);
    assert!(!project.run(&["diff"]).ok().stdout.contains("schema_drift"));
}

#[test]
fn files_fed_one_by_one_tell_the_same_bytes() {
    let (whole, fed) = (project(), Project::with_sql(SQL));
    whole.run(&["run", "--until-end"]).ok();
    fed.write("tidegate.toml", "[epoch]\nmax_files = 1\n");
    // A folder must be there before its first file.
    for (day, (name, bytes)) in (1..).zip(files()) {
        land(&fed, day, name, bytes);
        if day > 1 {
            fed.run(&["run"]).ok();
        }
    }
    fed.run(&["run", "--until-end"]).ok();
    assert_eq!(whole.files("released"), fed.files("released"));
}

#[cfg(all(unix, debug_assertions))]
#[test]
fn a_run_killed_at_any_step_is_made_up_for() {
    use std::process::{Command, Stdio};

    let whole = project();
    whole.run(&["run", "--until-end"]).ok();
    let mut step = 1;
    loop {
        let project = project();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["run", "--until-end"]).current_dir(project.path("")).env("TIDEGATE_CRASH_AT", step.to_string());
        let survived = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success();
        project.run(&["run", "--until-end"]).ok();
        assert_eq!(told(&project), EXPECTED, "killed at step {step}");
        let mut released = project.files("released");
        released.retain(|path, _| !path.split('/').any(|part| part.starts_with('.')));
        assert_eq!(released, whole.files("released"), "killed at step {step}");
        if survived {
            break;
        }
        step += 1;
    }
    assert!(step > 30, "{step} steps");
}

#[test]
fn a_file_that_is_lost_is_made_again() {
    let project = project();
    project.run(&["run", "--until-end"]).ok();
    let before = project.files("released");
    std::fs::remove_dir_all(project.path("released/signal=schema_drift")).unwrap();
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(project.files("released"), before);
}

#[test]
fn what_a_json_object_leaves_out_has_not_vanished() {
    let project = Project::with_sql(
        "CREATE STREAM j (at TIMESTAMP) WITH (path = 'landing', format = 'ndjson', event_time = 'at');
         CREATE SIGNAL n AS SELECT COUNT(*) AS n FROM j;",
    );
    let rows = ["\"a\": 1, \"in\": {\"k\": 1}", "\"a\": null", "\"a\": 2.5, \"b\": true", "\"a\": \"x\", \"in\": [1]"];
    for (day, row) in (1..).zip(rows) {
        land(&project, day, &format!("landing/{day}.ndjson"), format!("{{\"at\": \"2026-01-05T00:00:00Z\", {row}}}\n"));
    }
    project.run(&["run", "--until-end"]).ok();
    let expected = [
        "2026-02-03 j.b appeared - Boolean",
        "2026-02-04 j.a type_changed Number Utf8",
        "2026-02-04 j.in type_changed Struct List",
    ];
    assert_eq!(told(&project), expected);
}

/// Which keys a JSON object has follows from somebody's row, and so do names where CSV lacks its first line.
#[test]
fn what_follows_from_protected_rows_is_not_told() {
    let stream = |name: &str, format: &str| {
        format!(
            "CREATE STREAM {name} (at TIMESTAMP, u VARCHAR) WITH (path = 'landing/{name}', format = '{format}',
               event_time = 'at', privacy_unit = 'u');
             CREATE SIGNAL n_{name} AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = u)
               window_start, window_end, COUNT(*) AS n FROM TUMBLE({name}, at, INTERVAL '1 day')
               GROUP BY window_start, window_end;"
        )
    };
    let sql = ["c", "j", "p"].iter().zip(["csv", "ndjson", "parquet"]).map(|(name, format)| stream(name, format));
    let project = Project::with_sql(&sql.collect::<String>());
    for (day, (name, bytes)) in (1..).zip(files()) {
        land(&project, day, name, bytes);
    }
    let json = |more: &str| format!("{{\"at\": \"2026-01-05T00:00:00Z\", \"u\": \"{CANARY}\"{more}}}\n");
    land(&project, 8, "landing/j/1.ndjson", json(""));
    land(&project, 9, "landing/j/2.ndjson", json(&format!(", \"{CANARY}\": 1")));
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(told(&project), ["2026-02-05 p.x type_changed Int64 Float64"]);
    for (path, bytes) in project.files("log") {
        assert!(!bytes.windows(CANARY.len()).any(|bytes| bytes == CANARY.as_bytes()), "{path}");
    }
}

#[test]
fn producers_that_follow_one_after_the_other_are_one_change() {
    let project = Project::with_sql(
        "CREATE STREAM d (at TIMESTAMP) WITH (path = 'landing', format = 'csv', event_time = 'at', split_by = 'agent');
         CREATE SIGNAL n AS SELECT COUNT(*) AS n FROM d;",
    );
    let files = [("x", "a"), ("y", "a"), ("x", "a,b"), ("y", "a"), ("y", "a,b"), ("x", "b"), ("y", "b")];
    for (day, (agent, columns)) in (1..).zip(files) {
        let values = columns.replace(|name: char| name.is_ascii_lowercase(), "1");
        let text = format!("at,{columns}\n2026-01-05T00:00:00Z,{values}\n");
        land(&project, day, &format!("landing/agent={agent}/{day}.csv"), text);
        project.run(&["run"]).ok();
    }
    assert_eq!(told(&project), ["2026-02-03 d.b appeared - -", "2026-02-07 d.a vanished - -"]);
}

#[test]
fn signals_may_be_made_of_it_and_none_may_have_its_name() {
    let project = project();
    let lost =
        "CREATE SIGNAL lost AS SELECT detected_at AS window_start, stream, column_name FROM released.schema_drift
      WHERE change = 'vanished';";
    project.write("sql/lost.sql", lost);
    project.run(&["run", "--until-end"]).ok();
    let rows = asked(&project, "SELECT column_name FROM released.lost ORDER BY column_name");
    assert_eq!(rows.iter().map(|row| row["column_name"].as_str().unwrap()).collect::<Vec<_>>(), ["b", "new"]);

    project.write("sql/lost.sql", "CREATE SIGNAL schema_drift AS SELECT COUNT(*) AS n FROM c;");
    for command in ["check", "run"] {
        let refused = project.run(&[command]).failure();
        assert!(refused.contains("TG102") && refused.contains("lost.sql:1"), "{refused}");
        assert!(refused.contains("is a signal that every project has"), "{refused}");
    }
}
