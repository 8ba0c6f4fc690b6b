//! Do the released bytes depend on the rows alone, and not on how they were fed?

use crate::project::Project;

const SQL: &str = "
CREATE STREAM d (event_time TIMESTAMP, k VARCHAR, u VARCHAR, x DOUBLE)
  WITH (path = 'landing', format = 'csv', event_time = 'event_time', watermark = INTERVAL '3 days');
CREATE SIGNAL hourly AS
SELECT window_start, window_end, k, COUNT(*) AS n, SUM(x) AS total, AVG(x) AS mean, STDDEV(x) AS spread
FROM TUMBLE(d, event_time, INTERVAL '1 hour') GROUP BY window_start, window_end, k;
CREATE SIGNAL protected AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3, privacy_unit_column = u)
  window_start, window_end, COUNT(*) AS n, COUNT(DISTINCT u) AS people
FROM TUMBLE(d, event_time, INTERVAL '1 day') GROUP BY window_start, window_end;
CREATE SIGNAL totals AS SELECT k, COUNT(*) AS n, MAX(x) AS most FROM d WHERE x > 0 GROUP BY k;
";

/// Three files over two days, out of order among themselves.
fn files() -> Vec<(&'static str, String)> {
    let row = |i: u64| {
        let minute = (i * 37) % (48 * 60);
        let (day, hour, minute) = (5 + minute / 1440, minute / 60 % 24, minute % 60);
        format!("2026-01-{day:02}T{hour:02}:{minute:02}:00,k{},u{},{}.{}\n", i % 3, i % 7, i * i % 1000, i % 10)
    };
    let part = |range: std::ops::Range<u64>| {
        let rows = range.map(row).collect::<String>();
        format!("event_time,k,u,x\n{rows}")
    };
    vec![("landing/a.csv", part(0..200)), ("landing/b.csv", part(200..201)), ("landing/c.csv", part(201..500))]
}

fn whole() -> Project {
    let project = Project::with_sql(SQL);
    for (name, text) in files() {
        project.write(name, text);
    }
    project.run(&["run", "--until-end"]).ok();
    project
}

#[test]
fn files_fed_one_by_one_release_the_same_bytes() {
    let whole = whole();
    let fed = Project::with_sql(SQL);
    for (name, text) in files() {
        fed.write(name, text);
        fed.run(&["run"]).ok();
    }
    fed.run(&["run", "--until-end"]).ok();
    assert_eq!(whole.files("released"), fed.files("released"));
    assert!(!whole.files("released").is_empty());
}

#[test]
fn small_epochs_release_the_same_bytes() {
    let whole = whole();
    let small = Project::with_sql(SQL);
    small.write("tidegate.toml", "[epoch]\nmax_files = 1\nthreads = 3\n");
    for (name, text) in files() {
        small.write(name, text);
    }
    small.run(&["run", "--until-end"]).ok();
    assert_eq!(small.files("log/commits").len(), 4, "three epochs and a release");
    assert_eq!(whole.files("released"), small.files("released"));
}

#[test]
fn a_second_run_changes_nothing() {
    let project = whole();
    let before = project.files(".");
    let again = project.run(&["run", "--until-end"]).ok();
    assert!(again.stderr.contains("nothing new"), "{}", again.stderr);
    assert_eq!(before, project.files("."));
}

#[test]
fn a_new_signal_reads_from_the_beginning_and_the_others_stay() {
    let project = whole();
    let before = project.files("released/signal=hourly");
    project.write("sql/new.sql", "CREATE SIGNAL added AS SELECT COUNT(*) AS n FROM d;");
    let run = project.run(&["run", "--until-end"]).ok();
    assert!(run.stderr.contains("added: 500 rows read"), "{}", run.stderr);
    assert!(!run.stderr.contains("hourly: 500"), "{}", run.stderr);
    assert_eq!(before, project.files("released/signal=hourly"));
    let rows = project.run(&["sql", "SELECT n FROM released.added", "--format", "csv"]).ok();
    assert_eq!(rows.stdout, "n\n500\n");
}

#[test]
fn a_changed_signal_is_computed_again_and_leaves_no_stale_day() {
    let project = whole();
    let before = project.files("released/signal=hourly");
    let second_day = SQL.replace(
        "INTERVAL '1 hour') GROUP",
        "INTERVAL '1 hour') WHERE event_time >= TIMESTAMP '2026-01-06T00:00:00Z' GROUP",
    );
    project.write("sql/all.sql", second_day);
    let run = project.run(&["run", "--until-end"]).ok();
    assert!(run.stderr.contains("hourly: removed"), "{}", run.stderr);
    let after = project.files("released/signal=hourly");
    assert_eq!((before.len(), after.len()), (2, 1));
}

#[test]
fn released_files_that_vanish_are_made_again() {
    let project = whole();
    let before = project.files("released");
    std::fs::remove_dir_all(project.path("released/signal=hourly/date=2026-01-05")).unwrap();
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(before, project.files("released"));
}

/// What a crash leaves: everything that was written before some record, and nothing of the records after it.
#[test]
fn a_run_cut_short_after_any_record_is_finished_by_the_next() {
    let whole = whole();
    for kept in 0..4 {
        let cut = Project::with_sql(SQL);
        cut.write("tidegate.toml", "[epoch]\nmax_files = 1\n");
        for (name, text) in files() {
            cut.write(name, text);
        }
        cut.run(&["run", "--until-end"]).ok();
        for record in cut.files("log/commits").into_keys().skip(kept) {
            std::fs::remove_file(cut.path("log/commits").join(record)).unwrap();
        }
        std::fs::remove_dir_all(cut.path("released")).unwrap();
        cut.run(&["run", "--until-end"]).ok();
        assert_eq!(whole.files("released"), cut.files("released"), "{kept} records kept");
    }
}

#[test]
fn a_crash_between_commit_and_publication_is_finished_by_the_next_run() {
    let project = whole();
    let before = project.files("released");
    let log = project.files("log/commits").into_values().next_back().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&log).unwrap();
    let releases = record["body"]["releases"].as_array().unwrap();
    for release in releases.iter().filter(|release| release["rows"] != 0) {
        let published = project.path(release["path"].as_str().unwrap());
        let staged = project.path(release["staged"].as_str().unwrap());
        std::fs::create_dir_all(staged.parent().unwrap()).unwrap();
        std::fs::rename(published, staged).unwrap();
    }
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(before, project.files("released"));
    assert!(project.files("staging").is_empty());
}

#[test]
fn a_landed_file_that_changes_is_refused() {
    let project = whole();
    project.write("landing/b.csv", "event_time,k,u,x\n");
    let run = project.run(&["run"]);
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("TG401"), "{}", run.stderr);
}
