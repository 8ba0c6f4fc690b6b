//! Does `tidegate diff` say before a deploy what a run then does?

use serde_json::Value;

use crate::project::Project;

const STREAM: &str = "
CREATE STREAM d (t BIGINT, k VARCHAR)
  WITH (path = 'landing', format = 'csv', event_time = 't', event_time_unit = 's', watermark = INTERVAL '0 minutes');
";
const SIGNAL: &str = "CREATE SIGNAL hourly AS SELECT window_start, window_end, COUNT(*) AS n
FROM TUMBLE(d, t, INTERVAL '1 hour') GROUP BY window_start, window_end;
";

fn deployed() -> Project {
    let project = Project::with_sql(&format!("{STREAM}{SIGNAL}"));
    project.write("landing/a.csv", "t,k\n1767571200,a\n1767571260,b\n");
    project
}

fn change(project: &Project) -> (String, Value) {
    let report: Value = serde_json::from_str(&project.run(&["diff", "--json"]).ok().stdout).unwrap();
    (report[0]["change"].as_str().unwrap().to_owned(), report)
}

#[test]
fn a_signal_is_new_until_it_has_run() {
    let project = deployed();
    let before = project.files(".");
    assert_eq!(project.run(&["diff"]).ok().stdout, "hourly: new; reads 1 landing file, 30 bytes\n");
    assert_eq!(project.run(&["diff", "--exit-code"]).code, 1);
    assert_eq!(before, project.files("."), "looking changes nothing");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(project.run(&["diff"]).ok().stdout, "hourly: unchanged\n");
    project.run(&["diff", "--exit-code"]).ok();
}

#[test]
fn what_stands_above_the_state_keeps_it() {
    let project = deployed();
    project.run(&["run", "--until-end"]).ok();
    for changed in [
        SIGNAL.replace("hourly AS", "hourly WITH (version = '2.0.0', owner = 'me') AS"),
        SIGNAL.replace("hourly AS", "hourly WITH (lateness = INTERVAL '1 hour') AS"),
        SIGNAL.replace("COUNT(*) AS n", "COUNT(*) * 2 AS n"),
        SIGNAL.replace("window_end;", "window_end HAVING COUNT(*) > 1;"),
    ] {
        project.write("sql/all.sql", format!("{STREAM}{changed}"));
        let (kind, report) = change(&project);
        assert_eq!((kind.as_str(), report[0]["days_restated"].as_u64()), ("kept", Some(1)), "{changed}");
        let run = project.run(&["run", "--until-end"]).ok().stderr;
        assert!(run.contains("hourly: released") && !run.contains("hourly: 2 rows read"), "{changed}\n{run}");
        assert_eq!(change(&project).0, "unchanged", "{changed}");
    }
}

#[test]
fn what_decides_the_state_starts_it_again() {
    let project = deployed();
    project.run(&["run", "--until-end"]).ok();
    for changed in [
        format!("{STREAM}{}", SIGNAL.replace("COUNT(*) AS n", "COUNT(*) AS n, MAX(k) AS most")),
        format!("{STREAM}{SIGNAL}").replace("'s'", "'ms'"),
        format!("{STREAM}{SIGNAL}").replace("event_time = 't'", "event_time = 't', time_zone = 'Europe/Berlin'"),
    ] {
        // Days follow the time zone; hours do not.
        let changed = changed.replace("1 hour", "1 day");
        project.write("sql/all.sql", &changed);
        let (kind, report) = change(&project);
        assert_eq!((kind.as_str(), report[0]["files_to_read"].as_u64()), ("restarted", Some(1)), "{changed}");
        let run = project.run(&["run", "--until-end"]).ok().stderr;
        assert!(run.contains("hourly: 2 rows read"), "{changed}\n{run}");
        assert_eq!(change(&project).0, "unchanged", "{changed}");
    }
}

#[test]
fn another_unit_of_time_does_not_mix_with_the_old_one() {
    let project = deployed();
    project.write("sql/all.sql", format!("{STREAM}{SIGNAL}").replace("'s'", "'ms'"));
    project.run(&["run", "--until-end"]).ok();
    project.write("sql/all.sql", format!("{STREAM}{SIGNAL}"));
    assert_eq!(change(&project).0, "restarted");
    // The stream learns how far its time has come from rows that it reads for the first time.
    project.write("landing/b.csv", "t,k\n1767571320,c\n");
    project.run(&["run", "--until-end"]).ok();
    let rows = project.run(&["sql", "SELECT window_start, n FROM released.hourly", "--format", "csv"]).ok().stdout;
    assert_eq!(rows, "window_start,n\n2026-01-05T00:00:00Z,3\n");
}

#[test]
fn a_signal_that_is_gone_leaves_its_files_and_says_where() {
    let project = deployed();
    project.run(&["run", "--until-end"]).ok();
    project.write("sql/all.sql", format!("{STREAM}{}", SIGNAL.replace("hourly", "renamed")));
    let text = project.run(&["diff"]).ok().stdout;
    assert!(text.contains("hourly: removed; these stay until you remove them: state/hourly/"), "{text}");
    assert!(text.contains("released/signal=hourly/date=2026-01-05/part-0.parquet"), "{text}");
    assert!(text.contains("renamed: new; reads 1 landing file"), "{text}");
}

#[test]
fn a_column_that_appears_restarts_nothing() {
    let project = Project::with_sql(
        "CREATE STREAM d WITH (path = 'landing', format = 'csv', event_time = 't');
         CREATE SIGNAL hourly AS
         SELECT window_start, k, COUNT(*) AS n FROM TUMBLE(d, t, INTERVAL '1 hour') GROUP BY window_start, k;
         CREATE SIGNAL large AS SELECT t, n FROM d WHERE n > 1;",
    );
    project.write("landing/a.csv", "t,k,n\n2026-01-05T00:00:00Z,a,1\n");
    project.run(&["run"]).ok();
    project.write("landing/b.csv", "t,k,n,added\n2026-01-05T00:10:00Z,a,2,x\n");
    assert_eq!(project.run(&["diff", "--exit-code"]).code, 0);
    let run = project.run(&["run"]).ok().stderr;
    assert!(run.contains("hourly: 1 rows read") || run.contains("hourly: 1 row read"), "{run}");
}
