//! Does a differentially private signal pay before it shows, show a window once, and keep to itself what is private?

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::project::Project;
use crate::real_data::data;

const SQL: &str = "
CREATE STREAM d (at TIMESTAMP, u VARCHAR, k VARCHAR, x BIGINT) WITH (path = 'landing', format = 'csv', event_time = 'at',
  privacy_unit = 'u', epsilon_budget = 200, delta_budget = 1e-4);
CREATE SIGNAL noised AS
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 10, delta = 1e-6, max_groups_contributed = 4)
window_start, window_end, k, COUNT(*, contribution_bounds_per_group => (0, 2)) AS n
FROM TUMBLE(d, at, INTERVAL '6 hours') GROUP BY window_start, window_end, k;
";

/// Many people in two groups, for every hour of `hours`, the first of them a day after the first of 2026 at noon.
fn land(project: &Project, name: &str, hours: std::ops::Range<u64>) {
    let mut rows = "at,u,k,x\n".to_owned();
    for hour in hours {
        let (day, hour) = (5 + hour / 24, hour % 24);
        for person in 0..60 {
            rows += &format!("2026-01-{day:02}T{hour:02}:00:00Z,u{person},k{},{person}\n", person % 2);
        }
    }
    project.write(&format!("landing/{name}.csv"), rows);
}

/// What readers see: the noisy count of each window and group.
fn shown(project: &Project) -> BTreeMap<String, i64> {
    let query = "SELECT window_start, k, n FROM released.noised";
    let rows = project.run(&["sql", query, "--format", "json"]).ok().stdout;
    let rows = serde_json::from_str::<Vec<Value>>(&rows).unwrap();
    let row = |row: &Value| (format!("{} {}", row["window_start"], row["k"]), row["n"].as_i64().unwrap());
    rows.iter().map(row).collect()
}

/// The charges in the budget log: whose, and of which days.
fn charges(project: &Project) -> Vec<(String, BTreeSet<i64>)> {
    let mut records = project.files("log/budget");
    // What a crash leaves of a file that had no name yet is no record.
    records.retain(|path, _| !path.starts_with('.'));
    let charge = |bytes: &Vec<u8>| {
        let body = serde_json::from_slice::<Value>(bytes).unwrap()["body"].take();
        let days = body["blocks"].as_array().unwrap().iter().map(|block| block["day"].as_i64().unwrap());
        (body["purpose"].as_str().unwrap().to_owned(), days.collect())
    };
    records.values().map(charge).collect()
}

/// What happens to the project, one step after the other.
fn step(project: &Project, step: usize) -> Vec<&'static str> {
    match step {
        0 => {
            land(project, "a", 0..20);
            vec!["run"]
        }
        1 => {
            land(project, "b", 20..40);
            vec!["run"]
        }
        _ => vec!["run", "--until-end"],
    }
}

#[test]
fn a_day_is_charged_once_and_a_window_is_shown_once() {
    let project = Project::with_sql(SQL);
    let mut before = BTreeMap::new();
    for number in 0..3 {
        let arguments = step(&project, number);
        project.run(&arguments).ok();
        let now = shown(&project);
        assert!(before.iter().all(|(group, n)| now.get(group) == Some(n)), "what was shown stands");
        before = now;
    }
    assert_eq!(before.len(), 14, "seven windows of two groups: {before:?}");
    assert!(before.values().all(|n| (-60..=400).contains(n)), "{before:?}");
    let noised = |days: &[i64]| ("noised".to_owned(), days.iter().copied().collect::<BTreeSet<_>>());
    assert_eq!(charges(&project), [noised(&[20_458]), noised(&[20_459])]);
    // A file that is lost comes back as it was, for nothing.
    let files = project.files("released");
    std::fs::remove_dir_all(project.path("released")).unwrap();
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(project.files("released"), files);
    assert_eq!(charges(&project).len(), 2);
    // Nothing waits for a day that is over.
    let states = project.files("state");
    assert!(states.keys().all(|path| !path.contains("00000000000000000000-")), "{:?}", states.keys());
}

#[test]
fn a_row_for_a_window_that_was_noised_is_late() {
    let project = Project::with_sql(SQL);
    land(&project, "a", 0..20);
    project.run(&["run", "--until-end"]).ok();
    let before = shown(&project);
    project.write("landing/b.csv", "at,u,k,x\n2026-01-05T19:30:00Z,late,k0,1\n2026-01-06T01:00:00Z,early,k0,1\n");
    let run = project.run(&["run", "--until-end"]).ok();
    assert!(format!("{}{}", run.stdout, run.stderr).contains("1 late"), "{}{}", run.stdout, run.stderr);
    let now = shown(&project);
    assert!(before.iter().all(|(group, n)| now.get(group) == Some(n)));
    let replayed = project.run(&["quarantine", "replay", "--stream", "d"]).ok();
    assert!(replayed.stderr.contains("takes nothing back"), "{}", replayed.stderr);
}

/// Requirement 6: windows that overlap are sums of slices that were noised, and paid for, once.
#[test]
fn windows_that_overlap_are_paid_for_once() {
    for windows in [
        "HOP(d, at, INTERVAL '6 hours', INTERVAL '12 hours')",
        "CUMULATE(d, at, INTERVAL '6 hours', INTERVAL '12 hours')",
    ] {
        let project = Project::with_sql(&SQL.replace("TUMBLE(d, at, INTERVAL '6 hours')", windows));
        let mut before = BTreeMap::new();
        for number in 0..3 {
            project.run(&step(&project, number)).ok();
            let query = "SELECT window_start, window_end, k, n, n_noise_stddev, dp_panes, revision, is_final FROM released.noised";
            let rows = project.run(&["sql", query, "--format", "json"]).ok().stdout;
            let rows = serde_json::from_str::<Vec<Value>>(&rows).unwrap();
            let key = |row: &Value| format!("{} {} {}", row["window_start"], row["window_end"], row["k"]);
            let now = rows.into_iter().map(|row| (key(&row), row)).collect::<BTreeMap<_, _>>();
            assert!(before.iter().all(|(group, row)| now.get(group) == Some(row)), "{before:?} {now:?}");
            before = now;
        }
        // One deviation for one slice, and more for two, in variance.
        let deviation = |panes: i64| {
            let row = before.values().find(|row| row["dp_panes"] == panes).unwrap();
            row["n_noise_stddev"].as_f64().unwrap()
        };
        assert!((deviation(2) / deviation(1) - f64::sqrt(2.0)).abs() < 1e-9);
        assert!(before.values().all(|row| row["is_final"] == true && row["revision"] == 0), "{before:?}");
        let noised = |days: &[i64]| ("noised".to_owned(), days.iter().copied().collect::<BTreeSet<_>>());
        assert_eq!(charges(&project), [noised(&[20_458]), noised(&[20_459])], "{windows}");
    }
}

/// Where epsilon holds for an epoch of 28 days, all of its days are charged once, together.
#[test]
fn an_epoch_is_charged_once() {
    let project = Project::with_sql(
        &SQL.replace("epsilon = 10, delta = 1e-6,", "epsilon = 20, delta = 1e-6, max_days_contributed = 2,"),
    );
    let mut before = BTreeMap::new();
    for number in 0..3 {
        project.run(&step(&project, number)).ok();
        let now = shown(&project);
        assert!(before.iter().all(|(group, n)| now.get(group) == Some(n)), "what was shown stands");
        before = now;
    }
    assert_eq!(before.len(), 14, "seven windows of two groups: {before:?}");
    let (charged, first) = (charges(&project), 20_458_i64.div_euclid(28) * 28);
    assert_eq!(charged, [("noised".to_owned(), (first..first + 28).collect())]);
    let unit =
        project.run(&["sql", "SELECT DISTINCT dp_unit, dp_bounds FROM released.noised", "--format", "csv"]).ok().stdout;
    assert!(unit.contains("\"u, 28 days\",4 groups; 2 of 28 days; count 0 to 2"), "{unit}");
    assert!(project.run(&["explain", "noised"]).ok().stdout.contains("per u and epoch of 28 days of event time"));
}

const JOINED: &str = "
CREATE STREAM d (at TIMESTAMP, u VARCHAR, id BIGINT, k VARCHAR) WITH (path = 'decisions', format = 'csv', event_time = 'at',
  privacy_unit = 'u', epsilon_budget = 200, delta_budget = 1e-4);
CREATE STREAM l (at TIMESTAMP, person VARCHAR, id BIGINT, accepted BIGINT) WITH (path = 'labels', format = 'csv',
  event_time = 'at', privacy_unit = 'person', epsilon_budget = 400, delta_budget = 1e-4);
CREATE SIGNAL noised AS
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 16, delta = 1e-6, max_groups_contributed = 2)
window_start, window_end, k, COUNT(*, contribution_bounds_per_group => (0, 1)) AS n,
SUM(l.accepted, contribution_bounds_per_group => (0, 1)) AS accepted
FROM TUMBLE(d, at, INTERVAL '12 hours') AS d LEFT JOIN l ON l.person = d.u AND l.id = d.id
  AND l.at BETWEEN d.at AND d.at + INTERVAL '1 day'
GROUP BY window_start, window_end, k;
";

/// Rows of one person meet before they are noised, and the people of both streams pay.
#[test]
fn rows_of_two_streams_that_meet_are_noised() {
    let project = Project::with_sql(JOINED);
    let decisions = |day: u32| {
        let row =
            |person: u32| format!("2026-01-{day:02}T01:00:00Z,u{person},{},k{}\n", 1000 * day + person, person % 2);
        "at,u,id,k\n".to_owned() + &(0..80).map(row).collect::<String>()
    };
    // Of each two people one is accepted, six hours later; another's label of the same decision meets nothing.
    let labels = |day: u32| {
        let row = |person: u32| {
            let id = 1000 * day + person;
            format!(
                "2026-01-{day:02}T07:00:00Z,u{person},{id},{}\n2026-01-{day:02}T07:00:00Z,other,{id},9\n",
                person / 2 % 2
            )
        };
        "at,person,id,accepted\n".to_owned() + &(0..80).map(row).collect::<String>()
    };
    let mut before = BTreeMap::new();
    for day in 5..8 {
        project.write(&format!("decisions/{day}.csv"), decisions(day));
        project.write(&format!("labels/{day}.csv"), labels(day));
        project.run(&if day == 7 { vec!["run", "--until-end"] } else { vec!["run"] }).ok();
        let rows =
            project.run(&["sql", "SELECT window_start, k, n, accepted FROM released.noised", "--format", "json"]).ok();
        let rows = serde_json::from_str::<Vec<Value>>(&rows.stdout).unwrap_or_default();
        let row = |row: &Value| {
            let numbers = (row["n"].as_i64().unwrap(), row["accepted"].as_i64().unwrap());
            (format!("{} {}", row["window_start"], row["k"]), numbers)
        };
        let now = rows.iter().map(row).collect::<BTreeMap<_, _>>();
        assert!(before.iter().all(|(group, row)| now.get(group) == Some(row)), "what was shown stands");
        before = now;
    }
    assert_eq!(before.len(), 6, "three days of two groups: {before:?}");
    for (n, accepted) in before.values() {
        assert!((25..=55).contains(n) && (5..=35).contains(accepted), "{before:?}");
    }
    // The people of each day of decisions, and of the two days that its labels may come on.
    let charged = charges(&project).into_iter().map(|(_, days)| days).collect::<Vec<_>>();
    assert_eq!(charged, [20_458, 20_459, 20_460].map(|day| BTreeSet::from([day, day + 1])));
    let states = project.files("state");
    assert!(states.len() <= 6, "what met and was noised is gone: {:?}", states.keys());
    project.run(&["epochs"]).ok();
    let explained = project.run(&["explain", "noised"]).ok().stdout;
    assert!(explained.contains("as much of the person of l whose rows meet, up to 2 times a day"), "{explained}");
}

/// Bounds that an analyst does not know are asked for, at a price of their own.
#[test]
fn bounds_are_found_where_they_are_not_known() {
    let project = Project::with_sql(SQL);
    land(&project, "a", 0..8);
    let query = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 18, delta = 1e-6, max_groups_contributed = 1)
      APPROX_BOUNDS(COUNT(*), epsilon => 6) AS rows, APPROX_BOUNDS(SUM(x), epsilon => 6) AS sums, APPROX_BOUNDS(AVG(-x), epsilon => 6) AS means
      FROM d WHERE x BETWEEN 33 AND 60";
    let found = project.run(&["sql", query, "--format", "json"]).ok().stdout;
    let found = serde_json::from_str::<Vec<Value>>(&found).unwrap()[0].take();
    let bounds = |name: &str| (found[name]["low"].as_f64().unwrap(), found[name]["high"].as_f64().unwrap());
    // 27 people, each with 8 rows of its own number.
    assert_eq!(bounds("rows"), (8.0, 16.0));
    assert_eq!(bounds("sums"), (256.0, 512.0));
    assert_eq!(bounds("means"), (-64.0, -32.0));
}

/// Requirement 13: a window that was shown under a threshold is not shown again with a person more.
#[test]
fn a_window_shown_under_a_threshold_stands() {
    let project = Project::with_sql(
        "CREATE STREAM d (at TIMESTAMP, u VARCHAR, k VARCHAR, x BIGINT) WITH (path = 'landing', format = 'csv', event_time = 'at',
           privacy_unit = 'u');
         CREATE SIGNAL noised AS SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 20)
         window_start, window_end, k AS area, COUNT(*) AS n
         FROM TUMBLE(d, at, INTERVAL '1 day') GROUP BY window_start, window_end, k;",
    );
    land(&project, "a", 0..2);
    project.run(&["run", "--until-end"]).ok();
    let shown = |project: &Project| {
        project.run(&["sql", "SELECT area, n, revision FROM released.noised ORDER BY 1", "--format", "csv"]).ok().stdout
    };
    let before = shown(&project);
    assert_eq!(before, "area,n,revision\nk0,60,0\nk1,60,0\n");
    project.write("landing/b.csv", "at,u,k,x\n2026-01-05T23:00:00Z,somebody,k0,1\n2026-01-06T01:00:00Z,u1,k0,1\n");
    project.run(&["run", "--until-end"]).ok();
    assert_eq!(shown(&project), before);
    let replayed = project.run(&["quarantine", "replay", "--stream", "d"]).ok();
    assert!(replayed.stderr.contains("takes nothing back"), "{}", replayed.stderr);
    assert_eq!(shown(&project), before);
}

/// Requirement 17: killed anywhere in the release protocol, at most one output of a window is ever seen, none without a
/// charge, and the logs are whole.
#[cfg(all(unix, debug_assertions))]
#[test]
fn a_release_killed_at_any_step_shows_one_output_that_is_paid_for() {
    let all = std::env::var_os("TIDEGATE_CRASH_ALL").is_some();
    for round in 0..3 {
        let mut died = 0;
        for crash_at in (1..).step_by(if all { 1 } else { 3 }) {
            let project = Project::with_sql(SQL);
            let mut seen: BTreeMap<String, i64> = BTreeMap::new();
            let mut look = |project: &Project, moment: &str| {
                for (group, n) in shown(project) {
                    let known = *seen.entry(group.clone()).or_insert(n);
                    assert_eq!(known, n, "round {round}, crash at {crash_at}, {moment}: {group} was shown otherwise");
                }
                let paid = charges(project).into_iter().flat_map(|(_, days)| days).collect::<Vec<_>>();
                assert_eq!(paid.len(), paid.iter().collect::<BTreeSet<_>>().len(), "a day is charged once");
                let day = |group: &String| if group.contains("2026-01-05") { 20_458 } else { 20_459 };
                assert!(seen.keys().all(|group| paid.contains(&day(group))), "shown, and not paid for");
            };
            let mut survived = false;
            for number in 0..3 {
                let arguments = step(&project, number);
                if number == round {
                    let killed = Command::new(env!("CARGO_BIN_EXE_tidegate"))
                        .args(&arguments)
                        .current_dir(project.path(""))
                        .env("TIDEGATE_CRASH_AT", crash_at.to_string())
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .status();
                    survived = killed.unwrap().success();
                    look(&project, "after the crash");
                }
                project.run(&arguments).ok();
                look(&project, "after a run");
            }
            assert_eq!(seen.len(), 14, "round {round}, crash at {crash_at}");
            if survived {
                break;
            }
            died += 1;
        }
        assert!(died > 2, "round {round} was never killed");
    }
}

/// Requirements 11, 12 and 18: nothing that a run writes for readers, prints or logs holds a value of a row.
#[test]
fn canaries_stay_in_private_folders() {
    const CANARIES: [&str; 3] = ["canary_person", "canary_group", "918273645"];
    let project = Project::with_sql(SQL);
    land(&project, "a", 0..20);
    project.write(
        "landing/b.csv",
        "at,u,k,x\n2026-01-05T03:00:00Z,canary_person,canary_group,918273645\n2026-01-05T04:00:00Z,canary_person,canary_group,canary_group\n",
    );
    let mut printed = String::new();
    for arguments in [
        vec!["run", "--until-end", "--json"],
        vec!["run", "--until-end"],
        vec!["epochs", "--json"],
        vec!["explain"],
        vec!["sql", "SELECT * FROM released.noised"],
        vec![
            "sql",
            "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 1e-8, max_groups_contributed = 1) k, SUM(1000 / x, contribution_bounds_per_group => (0, 5)) AS s FROM d GROUP BY k",
        ],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(arguments)
            .current_dir(project.path(""))
            .env("TIDEGATE_LOG", "trace")
            .output()
            .unwrap();
        printed += &format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    assert!(printed.len() > 1_000);
    for canary in CANARIES {
        assert!(!printed.contains(canary), "{canary} was printed");
        for folder in ["released", "staging", "log"] {
            for (path, bytes) in project.files(folder) {
                let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
                assert!(!found, "{canary} is in {folder}/{path}");
            }
        }
    }
}

/// Which windows a query shows does not tell when a single person was there.
#[test]
fn a_query_does_not_show_a_lonely_day() {
    let project = Project::with_sql(SQL);
    land(&project, "a", 0..4);
    project.write("landing/b.csv", "at,u,k,x\n2026-01-09T00:00:00Z,lonely,k0,1\n");
    let query = |strategy: &str| {
        let query = format!(
            "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 10, delta = 1e-8, max_groups_contributed = 1, group_selection_strategy = {strategy})
             window_start, window_end, COUNT(*, contribution_bounds_per_group => (0, 4)) AS n
             FROM TUMBLE(d, at, INTERVAL '1 day') GROUP BY window_start, window_end"
        );
        project.run(&["sql", &query, "--format", "csv"])
    };
    let shown = query("LAPLACE_THRESHOLD").ok();
    assert_eq!(shown.stdout.lines().count(), 2, "{}", shown.stdout);
    assert!(!shown.stderr.contains("days"), "{}", shown.stderr);
    let refused = query("PUBLIC_GROUPS");
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("TG210"), "{}", refused.stderr);
}

/// At epsilon 1 counts, sums and means of groups of more than 5,000 people are off by less than 2 % in the median.
#[test]
fn census_groups_are_near_the_truth() {
    let Some(data) = data() else { return };
    let runs = std::env::var("TIDEGATE_CENSUS_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let truth = {
        let project = Project::empty();
        let file = data.join("census_ma_employment/predictions.parquet");
        let query = format!(
            "SELECT year, \"SEX\", \"RAC1P\", count(*) AS n, sum(\"AGEP\") AS s, avg(\"AGEP\") AS m FROM '{}' GROUP BY 1, 2, 3 HAVING count(*) > 5000",
            file.display()
        );
        groups(&project.run(&["sql", &query, "--format", "json"]).ok().stdout)
    };
    assert!(truth.len() >= 4, "{truth:?}");
    let mut errors: Vec<Vec<f64>> = vec![Vec::new(); 3];
    for _ in 0..runs {
        let project = census(&data);
        let query = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 1e-8, max_groups_contributed = 1)
          year, \"SEX\", \"RAC1P\", COUNT(*, contribution_bounds_per_group => (0, 1)) AS n,
          SUM(\"AGEP\", contribution_bounds_per_group => (0, 100)) AS s, AVG(\"AGEP\", contribution_bounds_per_group => (0, 100)) AS m
          FROM census GROUP BY year, \"SEX\", \"RAC1P\"";
        let noisy = groups(&project.run(&["sql", query, "--format", "json"]).ok().stdout);
        for (group, exact) in &truth {
            let noisy = noisy.get(group).expect("a large group is shown");
            for (errors, (noisy, exact)) in errors.iter_mut().zip(noisy.iter().zip(exact)) {
                errors.push((noisy - exact).abs() / exact);
            }
        }
    }
    for (statistic, errors) in ["count", "sum", "mean"].iter().zip(&mut errors) {
        errors.sort_by(f64::total_cmp);
        let median = errors[errors.len() / 2];
        assert!(median < 0.02, "{statistic}: {median}");
    }
}

fn census(data: &Path) -> Project {
    let project = Project::with_sql(&format!(
        "CREATE STREAM census WITH (path = '{}', format = 'parquet', privacy_unit = 'id');",
        data.join("census_ma_employment/predictions.parquet").display()
    ));
    project.write("tidegate.toml", "[privacy]\nepsilon = 5\ndelta = 1e-6\n");
    project
}

fn groups(json: &str) -> BTreeMap<String, Vec<f64>> {
    let rows = serde_json::from_str::<Vec<Value>>(json).unwrap();
    let numbers = |row: &Value| ["n", "s", "m"].iter().map(|name| row[name].as_f64().unwrap()).collect();
    rows.iter().map(|row| (format!("{} {} {}", row["year"], row["SEX"], row["RAC1P"]), numbers(row))).collect()
}

/// A k of 65 people shows no model; noise at a threshold of 65 shows none either.
#[test]
fn small_cohorts_show_nothing() {
    let Some(data) = data() else { return };
    let project = Project::with_sql(&format!(
        "CREATE STREAM aider WITH (path = '{}', format = 'parquet', privacy_unit = 'user_id');",
        data.join("aider_telemetry/events.parquet").display()
    ));
    let query = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1, delta = 1e-8, max_groups_contributed = 3, min_privacy_units_per_group = 66)
      main_model, COUNT(DISTINCT user_id) AS people FROM aider GROUP BY main_model";
    let run = project.run(&["sql", query, "--format", "csv"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
}
