//! Does everybody learn what noise costs, before it is paid, when it is refused, and afterwards?

use serde_json::Value;

use crate::project::Project;

const STREAM: &str = "
CREATE STREAM d (at TIMESTAMP, u VARCHAR, k VARCHAR, x BIGINT, ms DOUBLE)
  WITH (path = 'landing', format = 'csv', event_time = 'at', privacy_unit = 'u');
";
const DAILY: &str = "
CREATE SIGNAL daily AS
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 0.5, delta = 1e-8, privacy_unit_column = u, max_groups_contributed = 1)
  window_start, COUNT(*, contribution_bounds_per_group => (0, 3)) AS n
FROM TUMBLE(d, at, INTERVAL '1 day') GROUP BY window_start;
";
const BY_KEY: &str = "
CREATE SIGNAL by_key AS
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (
    epsilon = 1.0, delta = 1e-8, privacy_unit_column = u, max_groups_contributed = 4, min_privacy_units_per_group = 20)
  window_start, k, COUNT(*, contribution_bounds_per_group => (0, 3)) AS n,
  SUM(x, contribution_bounds_per_group => (0, 10)) AS total,
  AVG(ms, contribution_bounds_per_group => (0, 1000)) AS ms, COUNT(DISTINCT u) AS people
FROM TUMBLE(d, at, INTERVAL '7 hours') GROUP BY window_start, k;
";

/// A query that costs `epsilon`.
fn asked(epsilon: f64) -> String {
    format!(
        "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = {epsilon}, max_groups_contributed = 1, delta = 1e-8)
           COUNT(*, contribution_bounds_per_group => (0, 3)) AS n FROM d"
    )
}

/// Three people on three days.
fn project(signals: &str) -> Project {
    let project = Project::with_sql(&format!("{STREAM}{signals}"));
    let rows = (5..8).flat_map(|day| ["ann", "bob", "eve"].map(|u| format!("2026-01-{day:02}T12:00:00,{u},a,1,10\n")));
    project.write("landing/a.csv", format!("at,u,k,x,ms\n{}", rows.collect::<String>()));
    project
}

#[test]
fn nothing_is_spent_at_first() {
    let project = project(DAILY);
    let before = project.files(".");
    insta::assert_snapshot!(project.run(&["budget"]).ok().stdout, @"nothing is spent: a day has all of its budget until something noised is released of it");
    assert_eq!(project.run(&["budget", "--json"]).ok().stdout, "[]\n");
    assert_eq!(before, project.files("."), "looking changes nothing");
    assert!(project.run(&["budget", "--stream", "dd"]).failure().contains("TG302"));
    assert_eq!(project.run(&["budget", "--day", "2026-02-30"]).code, 2);
    Project::empty().run(&["budget"]).ok();
}

#[test]
fn what_was_spent_is_shown_by_day_and_purpose() {
    let project = project(DAILY);
    project.run(&["run", "--until-end"]).ok();
    project.run(&["sql", &asked(0.25)]).ok();
    project.write("landing/b.csv", "at,u,k,x,ms\n2026-01-09T12:00:00,ann,a,1,10\n");
    project.run(&["run", "--until-end"]).ok();
    insta::assert_snapshot!("table", project.run(&["budget"]).ok().stdout);
    let one = project.run(&["budget", "--stream", "d", "--day", "2026-01-06", "--json"]).ok().stdout;
    insta::assert_snapshot!("json", one);
    let all: Value = serde_json::from_str(&project.run(&["budget", "--json"]).ok().stdout).unwrap();
    // The day in between has a window too, in which nobody is.
    assert_eq!(all.as_array().unwrap().len(), 5);
    let none = project.run(&["budget", "--day", "2026-02-01"]).ok().stdout;
    assert!(none.starts_with("nothing is spent of this"), "{none}");
}

#[test]
fn what_was_spent_of_a_stream_that_is_gone_is_still_shown() {
    let project = project(DAILY);
    project.run(&["run", "--until-end"]).ok();
    project.write("sql/all.sql", "CREATE STREAM other (x BIGINT) WITH (path = 'landing', format = 'csv');");
    insta::assert_snapshot!("gone", project.run(&["budget"]).ok().stdout);
    project.write("sql/all.sql", "CREATE STREM");
    let run = project.run(&["budget"]).ok();
    assert!(run.stderr.contains("warning: what streams may spend is unknown"), "{}", run.stderr);
    assert!(run.stdout.contains("daily 1 charge"), "{}", run.stdout);
}

#[test]
fn signals_that_no_day_can_pay_for_are_refused_before_anything_is_read() {
    let dear = BY_KEY.replace("epsilon = 1.0", "epsilon = 2.5");
    let project = project(&format!("{DAILY}{dear}"));
    let before = project.files(".");
    insta::assert_snapshot!("admission", project.run(&["check"]).failure());
    let run = project.run(&["run", "--until-end"]);
    assert!(run.code == 4 && run.stderr.starts_with("TG213"), "{}", run.stderr);
    assert_eq!(before, project.files("."), "something was written");
    let own = STREAM.replace("privacy_unit", "epsilon_budget = 20.0, privacy_unit");
    project.write("sql/all.sql", format!("{own}{DAILY}{dear}"));
    project.run(&["check"]).ok();
    // Both together are as much as one whose days of 7-hour windows overlap.
    project.write("sql/all.sql", format!("{STREAM}{}", BY_KEY.replace("epsilon = 1.0", "epsilon = 2.0")));
    project.write("tidegate.toml", "[privacy]\nepsilon = 5.0\n");
    assert!(project.run(&["check"]).failure().contains("2 x epsilon 2"));
}

#[test]
fn a_signal_says_what_it_promises_and_costs() {
    let project = project(&format!("{DAILY}{BY_KEY}"));
    let before = project.files(".");
    let text = project.run(&["explain", "by_key"]).ok().stdout;
    assert!(!text.contains("dp_"), "{text}");
    insta::assert_snapshot!("explain", text);
    assert_eq!(before, project.files("."));
}

#[test]
fn a_query_is_explained_and_not_asked() {
    let project = project("");
    // Of what it would read, nothing can be read.
    project.write("landing/a.csv", "not,what,it\nshould,be\n");
    let before = project.files(".");
    let text = project.run(&["sql", &format!("explain privacy {}", asked(0.25))]).ok().stdout;
    insta::assert_snapshot!("explain_privacy", text);
    for (query, code) in [
        ("EXPLAIN PRIVACY SELECT 1".to_owned(), "TG115"),
        ("SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 5) COUNT(*) AS n FROM d".to_owned(), "TG201"),
        (format!("EXPLAIN PRIVACY {}", asked(0.25).replace("FROM d", "FROM dd")), "TG111"),
    ] {
        let shown = project.run(&["sql", &query]).failure();
        assert!(shown.contains(code), "{query}: {shown}");
    }
    assert_eq!(before, project.files("."), "something was charged");
    let elsewhere = Project::empty().run(&["sql", &asked(0.25)]).failure();
    assert!(elsewhere.contains("TG300"), "{elsewhere}");
}

#[test]
fn a_query_that_a_day_cannot_pay_for_shows_and_charges_nothing() {
    let project = project("");
    project.run(&["sql", &asked(0.9)]).ok();
    let before = project.files("log");
    let again = project.run(&["sql", &asked(0.9)]);
    assert_eq!(again.stdout, "");
    insta::assert_snapshot!("over_budget", again.failure());
    assert_eq!(before, project.files("log"));
    // What still fits is answered.
    project.run(&["sql", &asked(0.3)]).ok();
}

#[test]
fn a_query_with_a_mistake_leaves_nothing_behind() {
    let project = project("");
    let before = project.files(".");
    let unknown = asked(0.7).replace("COUNT(*,", "SUM(xx,");
    insta::assert_snapshot!("unknown_column", project.run(&["sql", &unknown]).failure());
    let unnamed = project.run(&["sql", &asked(0.7).replace("AS n", "")]).failure();
    assert!(unnamed.contains("`COUNT(*) within 0 to 3`"), "{unnamed}");
    assert_eq!(before, project.files("."));
}

#[test]
fn windows_that_start_before_the_data_are_shown_and_each_day_pays_for_all_that_touch_it() {
    let project = project("");
    project.write("tidegate.toml", "[privacy]\nepsilon = 1000.0\n");
    let crowd = (0..60).map(|person| format!("2026-01-05T10:00:00Z,p{person},a,1,10\n")).collect::<String>();
    project.write("landing/crowd.csv", format!("at,u,k,x,ms\n{crowd}"));
    let counts = |window: &str| {
        let query = asked(10.0).replace("COUNT", "window_start, COUNT").replace("FROM d", "");
        let query = format!("{query} FROM TUMBLE(d, at, INTERVAL '{window}') GROUP BY window_start");
        let rows = project.run(&["sql", &query, "--format", "json"]).ok().stdout;
        let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
        rows.into_iter().map(|row| row["window_start"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let rho = || {
        let report: Value = serde_json::from_str(&project.run(&["budget", "--json"]).ok().stdout).unwrap();
        report[1]["by"][0]["rho_nano"].as_u64().unwrap()
    };
    assert_eq!(counts("1 month"), ["2026-01-01T00:00:00Z"]);
    assert_eq!(rho(), 25_000_000_000);
    assert!(counts("7 hours").contains(&"2026-01-05T09:00:00Z".to_owned()));
    assert_eq!(rho(), 75_000_000_000);
}

#[test]
fn rows_that_cannot_be_read_do_not_hide_the_days_that_pay() {
    let project = project("");
    project.write("landing/b.csv", "at,u,k,x,ms\nnever,ann,a,1,10\n");
    project.run(&["sql", &asked(0.25)]).ok();
    let report: Value = serde_json::from_str(&project.run(&["budget", "--json"]).ok().stdout).unwrap();
    let days = report.as_array().unwrap().iter().map(|block| block["day"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(days, ["2026-01-05", "2026-01-06", "2026-01-07"]);
}

#[test]
fn mistakes_in_what_is_noised_are_told_in_the_words_of_sql() {
    let project = project(
        "CREATE STREAM e (at TIMESTAMP, k VARCHAR) WITH (path = 'landing', format = 'csv', event_time = 'at');",
    );
    let counted = asked(0.5);
    for (query, code, said) in [
        (counted.replace("COUNT(*,", "STDDEV(ms,"), "TG121", "`STDDEV` cannot be noised"),
        (
            counted.replace("COUNT(*, contribution_bounds_per_group => (0, 3))", "SUM(x, 0, 3)"),
            "TG113",
            "write SUM(column, ",
        ),
        (counted.replace("COUNT(*, contribution_bounds_per_group => (0, 3))", "SUM(x)"), "TG208", "SUM has no bounds"),
        (
            counted.replace("AS n FROM d", "AS n, k AS n_noise_stddev FROM d GROUP BY k"),
            "TG132",
            "`n_noise_stddev` is the name",
        ),
        (counted.replace("DIFFERENTIAL", "DIFERENTIAL"), "TG201", "did you mean DIFFERENTIAL_PRIVACY?"),
        (
            counted.replace("FROM d", "FROM d JOIN e ON e.k = d.k AND e.at BETWEEN d.at AND d.at + INTERVAL '1 day'"),
            "TG209",
            "noised over one stream",
        ),
    ] {
        let shown = project.run(&["sql", &query]).failure();
        assert!(shown.contains(code) && shown.contains(said) && !shown.contains("dp_"), "{query}: {shown}");
    }
    assert_eq!(project.files("log").len(), 0);
}
