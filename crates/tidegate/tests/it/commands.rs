//! Do the other commands say and do what their help promises?

use crate::project::Project;

const SQL: &str = "
CREATE STREAM d (event_time TIMESTAMP, u VARCHAR, x BIGINT)
  WITH (path = 'landing', format = 'csv', event_time = 'event_time', privacy_unit = 'u');
CREATE STREAM open_d (event_time TIMESTAMP, x BIGINT) WITH (path = 'open', format = 'csv', event_time = 'event_time');
CREATE SIGNAL daily AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2)
  window_start, window_end, COUNT(*) AS n, SUM(x) AS total
FROM TUMBLE(d, event_time, INTERVAL '1 day') GROUP BY window_start, window_end;
";

fn project() -> Project {
    let project = Project::with_sql(SQL);
    project.write(
        "landing/a.csv",
        "event_time,u,x\n2026-01-05T01:00:00,ann,1\n2026-01-05T02:00:00,bob,2\n2026-01-06T01:00:00,ann,4\n",
    );
    project.write("open/a.csv", "event_time,x\n2026-01-05T01:00:00,1\n2026-01-05T02:00:00,2\n");
    project
}

#[test]
fn init_makes_a_project_that_runs() {
    let project = Project::empty();
    project.run(&["init", "p"]).ok();
    project.run(&["generate", "--out", "p/landing", "--rows", "20000", "--days", "1"]).ok();
    project.run(&["check", "--project", "p"]).ok();
    project.run(&["run", "--until-end", "--project", "p"]).ok();
    let rows = project.run(&[
        "sql",
        "--project",
        "p",
        "--format",
        "csv",
        "SELECT COUNT(*) > 0 AS some FROM released.outcomes",
    ]);
    assert_eq!(rows.ok().stdout, "some\ntrue\n");
    let again = project.run(&["init", "p"]);
    assert_eq!(again.code, 2, "{}", again.stderr);
}

#[test]
fn check_writes_nothing() {
    let project = project();
    let before = project.files(".");
    insta::assert_snapshot!(project.run(&["check"]).ok().stdout, @"2 streams and 1 signal are ready to run");
    project.run(&["explain"]).ok();
    assert_eq!(before, project.files("."));
}

#[test]
fn explain_shows_state_release_and_cost() {
    let project = project();
    insta::assert_snapshot!(project.run(&["explain", "daily"]).ok().stdout);
}

#[test]
fn run_prints_a_report_as_json() {
    let project = project();
    let run = project.run(&["run", "--until-end", "--json"]).ok();
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["signals"]["daily"]["rows"]["read"], 3);
    assert_eq!(report["signals"]["daily"]["rows_released"], 1);
    assert_eq!(report["signals"]["daily"]["withheld"], 1);
}

#[test]
fn sql_prints_every_format() {
    let project = project();
    let query =
        |format| project.run(&["sql", "SELECT x, event_time FROM open_d ORDER BY x", "--format", format]).ok().stdout;
    insta::assert_snapshot!(query("csv"), @r"
    x,event_time
    1,2026-01-05T01:00:00Z
    2,2026-01-05T02:00:00Z
    ");
    insta::assert_snapshot!(query("json"), @r#"[{"x":1,"event_time":"2026-01-05T01:00:00Z"},{"x":2,"event_time":"2026-01-05T02:00:00Z"}]"#);
    assert!(query("table").ends_with("2 rows\n"));
    assert!(query("parquet").starts_with("PAR1"));
}

#[test]
fn sql_windows_and_reads_files_and_unreleased_signals() {
    let project = project();
    let csv = |query: &str| project.run(&["sql", query, "--format", "csv"]).ok().stdout;
    let windows =
        "SELECT window_start, SUM(x) AS s FROM TUMBLE(open_d, event_time, INTERVAL '1 day') GROUP BY window_start";
    assert_eq!(csv(windows), "window_start,s\n2026-01-05T00:00:00Z,3\n");
    assert_eq!(csv("SELECT COUNT(*) AS n FROM 'open/a.csv'"), "n\n2\n");
    assert_eq!(csv("SELECT COUNT(*) AS n FROM released.daily"), "n\n0\n");
}

#[test]
fn sql_copies_rows_into_each_of_their_windows() {
    let project = project();
    let csv = |from: &str| {
        let query = format!("SELECT window_start, window_end, x FROM {from} ORDER BY 1, 2, 3");
        project.run(&["sql", &query, "--format", "csv"]).ok().stdout
    };
    let rows = |rows: &[&str]| format!("window_start,window_end,x\n{}\n", rows.join("\n"));
    let hop = rows(&[
        "2026-01-05T00:00:00Z,2026-01-05T02:00:00Z,1",
        "2026-01-05T01:00:00Z,2026-01-05T03:00:00Z,1",
        "2026-01-05T01:00:00Z,2026-01-05T03:00:00Z,2",
        "2026-01-05T02:00:00Z,2026-01-05T04:00:00Z,2",
    ]);
    assert_eq!(csv("HOP(open_d, event_time, INTERVAL '1 hour', INTERVAL '2 hours')"), hop);
    let flink =
        "TABLE(HOP(TABLE open_d, DESCRIPTOR(event_time), INTERVAL '1' HOUR, INTERVAL '2' HOURS)) AS w WHERE x > 0";
    assert_eq!(csv(flink), hop);
    let cumulate = csv("CUMULATE(open_d, event_time, INTERVAL '12 hours', INTERVAL '1 day') WHERE x = 2");
    let ends = ["2026-01-05T12:00:00Z", "2026-01-06T00:00:00Z"];
    assert_eq!(cumulate, rows(&ends.map(|end| format!("2026-01-05T00:00:00Z,{end},2")).each_ref().map(String::as_str)));
    let session = project.run(&["sql", "SELECT * FROM SESSION(open_d, event_time, INTERVAL '1 hour')"]);
    assert!(session.failure().contains("SESSION is for signals"));
}

#[test]
fn a_signal_joins_a_table_that_is_read_whole() {
    let project = Project::with_sql(
        "CREATE STREAM e (at TIMESTAMP, u VARCHAR, x BIGINT) WITH (path = 'landing/', format = 'csv', event_time = 'at');
        CREATE TABLE teams (u VARCHAR, team VARCHAR) WITH (path = 'teams.csv');
        CREATE SIGNAL by_team AS SELECT team, SUM(x) AS x FROM e JOIN teams USING (u) GROUP BY team;
        CREATE SIGNAL rows AS SELECT at, team, x FROM e LEFT JOIN teams ON teams.u = lower(e.u);",
    );
    project.write(
        "landing/a.csv",
        "at,u,x\n2026-01-05T01:00:00Z,a,1\n2026-01-05T02:00:00Z,b,2\n2026-01-06T00:00:00Z,A,4\n",
    );
    project.write("teams.csv", "u,team\na,red\n");
    project.run(&["run"]).ok();
    let csv = |query: &str| project.run(&["sql", query, "--format", "csv"]).ok().stdout;
    assert_eq!(csv("SELECT team, x FROM released.by_team"), "team,x\nred,1\n");
    let rows = "SELECT at, team, x, date FROM released.rows ORDER BY at";
    let expected = "at,team,x,date\n2026-01-05T01:00:00Z,red,1,2026-01-05\n2026-01-05T02:00:00Z,,2,2026-01-05\n2026-01-06T00:00:00Z,red,4,2026-01-06\n";
    assert_eq!(csv(rows), expected);
    assert_eq!(csv("SELECT * FROM teams"), "u,team\na,red\n");
    let explained = project.run(&["explain", "rows"]).ok().stdout;
    assert!(explained.contains("StaticExec: teams") && explained.contains("shows every row"), "{explained}");
    assert!(explained.contains("reads     e (at, u, x)"), "{explained}");

    project.write("teams.csv", "u,team\na,red\nb,blue\n");
    project.run(&["run"]).ok();
    assert_eq!(csv("SELECT team, x FROM released.by_team ORDER BY 1"), "team,x\nblue,2\nred,1\n");
    project.write("teams.csv", "u,team\na,red\na,blue\n");
    assert!(project.run(&["check"]).failure().contains("TG123"));
    project.write("teams.csv", "u,team\na,red,0\n");
    let broken = project.run(&["check"]);
    assert_eq!(broken.code, 3, "{}", broken.stderr);
    assert!(broken.failure().contains("TG314"));
}

#[test]
fn sql_reaches_no_protected_row() {
    let project = project();
    project.run(&["run", "--until-end"]).ok();
    let state = project.files("state").into_keys().next().unwrap();
    for query in [
        "SELECT * FROM d".to_owned(),
        "SELECT * FROM 'landing/a.csv'".to_owned(),
        "SELECT * FROM './open/../landing/'".to_owned(),
        format!("SELECT * FROM 'state/{state}'"),
        "SELECT COUNT(*) FROM (SELECT * FROM d) t".to_owned(),
        "WITH t AS (SELECT u FROM d) SELECT * FROM t".to_owned(),
        "SELECT * FROM 'landing/*.csv'".to_owned(),
        "SELECT * FROM 'state/*/*/*.arrow'".to_owned(),
        "SELECT * FROM 'l*/a.csv'".to_owned(),
        format!("SELECT * FROM 'file://{}'", project.path("landing/a.csv").display()),
        format!("SELECT * FROM 'file://{}/'", project.path("landing").display()),
        format!("SELECT * FROM '{}'", project.path("landing/a.csv").display()),
        "SELECT * FROM '.'".to_owned(),
    ] {
        let run = project.run(&["sql", &query]);
        assert_eq!(run.code, 4, "{query}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.is_empty(), "{query}: {}", run.stdout);
    }
    let windows = "SELECT COUNT(*) FROM TUMBLE(d, event_time, INTERVAL '1 day')";
    let run = project.run(&["sql", windows]);
    assert_ne!(run.code, 0, "{}", run.stdout);
}

#[test]
fn sql_takes_parameters_and_shows_the_columns_of_what_is_not_released_yet() {
    let project = project();
    let run = project.run(&["sql", "SELECT $x + 1 AS y", "--param", "x=41", "--format", "csv"]).ok();
    assert_eq!(run.stdout, "y\n42\n");
    let columns = "SELECT window_start, n, signal_version, scope, k, code_hash, release_id, date FROM released.daily";
    let before = project.run(&["sql", columns, "--format", "csv"]).ok().stdout;
    project.run(&["run", "--until-end"]).ok();
    let after = project.run(&["sql", columns, "--format", "csv"]).ok().stdout;
    assert_eq!(before.lines().next(), after.lines().next());
    let unknown = project.run(&["sql", "SELECT * FROM released.dayly"]);
    assert!(unknown.stderr.contains("there is no signal `dayly` in this project"), "{}", unknown.stderr);
    let missing = project.run(&["sql", "SELECT * FROM 'nowhere/x.parquet'"]);
    assert!(missing.stderr.contains("there is no table or file `nowhere/x.parquet`"), "{}", missing.stderr);
}

#[test]
fn released_nan_is_nan_and_no_evidence() {
    let project = Project::with_sql(
        "
        CREATE STREAM e (ts TIMESTAMP, arm VARCHAR, bucket VARCHAR, num DOUBLE, den DOUBLE)
          WITH (path = 'landing', format = 'csv', event_time = 'ts');
        CREATE SIGNAL rate AS
        SELECT window_start, window_end, arm, bucket, SUM(num) AS num, SUM(den) AS den
        FROM TUMBLE(e, ts, INTERVAL '1 day') GROUP BY window_start, window_end, arm, bucket;",
    );
    let row = |arm, bucket, num| format!("2026-01-05T01:00:00,{arm},{bucket},{num},60000\n");
    let rows = [("a", 1, "6000"), ("a", 2, "6000"), ("b", 1, "6000"), ("b", 2, "NaN")];
    let rows = rows.map(|(arm, bucket, num)| row(arm, bucket, num)).concat();
    project.write("landing/a.csv", format!("ts,arm,bucket,num,den\n{rows}"));
    project.run(&["run", "--until-end"]).ok();
    let count = "SELECT COUNT(*) AS n FROM released.rate WHERE isnan(num)";
    assert_eq!(project.run(&["sql", count, "--format", "csv"]).ok().stdout, "n\n1\n");
    project.write(
        "gates/g.yaml",
        "
gate: g
version: 1
stage: { from: canary, to: general, ramp: [50%] }
arms: { control: a, treatment: b }
time: { min: 1d, max: 1d }
error: { alpha: 0.05 }
checks:
  - { name: rate, signal: rate, direction: lower_is_better, test: { non_inferior: { margin: 1pp } } }
",
    );
    let run = project.run(&["gate", "evaluate", "gates/g.yaml"]);
    assert!(run.code == 1 && run.stdout.contains("TG622"), "{}", run.stdout);
}

#[test]
fn generate_gives_the_same_bytes_for_the_same_seed() {
    let project = Project::empty();
    for (out, threads) in [("a", "1"), ("b", "3")] {
        project
            .run(&["generate", "--out", out, "--rows", "5000", "--days", "2", "--seed", "9", "--threads", threads])
            .ok();
    }
    assert_eq!(project.files("a"), project.files("b"));
    for format in ["ndjson", "csv", "arrow"] {
        project.run(&["generate", "--out", format, "--rows", "500", "--days", "1", "--format", format]).ok();
        assert_eq!(project.files(format).len(), 2, "{format}");
    }
}

#[test]
fn gates_answer_with_json_and_an_exit_code() {
    let project = Project::with_sql(
        "
        CREATE STREAM e WITH (path = 'landing', format = 'csv', event_time = 'ts');
        CREATE SIGNAL rate AS
        SELECT window_start, window_end, arm, bucket, SUM(num) AS num, SUM(den) AS den
        FROM TUMBLE(e, ts, INTERVAL '1 day') GROUP BY window_start, window_end, arm, bucket;",
    );
    let gate = |days: u32| {
        format!(
            "
gate: g
version: 1
stage: {{ from: canary, to: general, ramp: [50%] }}
arms: {{ control: a, treatment: b }}
time: {{ window: 1d, min: {days}d, max: {days}d }}
error: {{ alpha: 0.05 }}
checks:
  - name: rate
    signal: rate
    direction: lower_is_better
    test: {{ non_inferior: {{ margin: 1pp }} }}
"
        )
    };
    project.write("gates/now.yaml", gate(1));
    project.write("gates/later.yaml", gate(3));
    project.write(
        "landing/a.csv",
        "ts,arm,bucket,num,den\n2026-01-05T01:00:00,a,1,6000,60000\n2026-01-05T01:00:00,b,1,6030,60000\n",
    );
    let evaluate = |file: &str| {
        let run = project.run(&["gate", "evaluate", file]);
        let verdict: serde_json::Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
        (run.code, verdict["verdict"].as_str().unwrap().to_owned())
    };
    assert_eq!(evaluate("gates/now.yaml"), (1, "ERROR".to_owned()), "nothing is released yet");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(evaluate("gates/now.yaml"), (0, "PASS".to_owned()));
    assert_eq!(evaluate("gates/later.yaml"), (3, "CONTINUE".to_owned()));
    project.write("gates/bad.yaml", gate(1).replace("1pp", "1"));
    let bad = project.run(&["gate", "evaluate", "gates/bad.yaml"]);
    insta::assert_snapshot!(bad.failure());
}

#[test]
fn completions_and_help_are_there() {
    let project = Project::empty();
    assert!(project.run(&["completions", "bash"]).ok().stdout.contains("tidegate"));
    assert!(project.run(&["--help"]).ok().stdout.contains("Exit codes"));
}
