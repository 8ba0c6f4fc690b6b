//! Is every row counted in its window, or set aside with a reason, however much out of order rows come?
//!
//! An hour of rows arrives up to 10 s late, over a watermark of 10 s. `TIDEGATE_DISORDER_ROWS` sets how many they are.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use crate::project::Project;

const ROWS: u64 = 200_000;
const FILES: usize = 8;
const HOUR_US: u64 = 3_600_000_000;
const MINUTE_US: u64 = 60_000_000;
const DISORDER_US: u64 = 10_000_000;
/// 2026-01-05T00:00:00Z
const START_US: u64 = 1_767_571_200_000_000;

fn sql(options: &str) -> String {
    format!(
        "CREATE STREAM d (at BIGINT, area BIGINT, x BIGINT) WITH (path = 'landing', format = 'csv', event_time = 'at',
           event_time_unit = 'us', watermark = INTERVAL '10 seconds'{options});
         CREATE SIGNAL minutes AS SELECT window_start, area, COUNT(*) AS n, SUM(x) AS total
         FROM TUMBLE(d, at, INTERVAL '1 minute') GROUP BY window_start, area;"
    )
}

/// One row: when it happened, after the start, and its place among all.
#[derive(Clone, Copy)]
struct Row {
    at_us: u64,
    number: u64,
}

impl Row {
    fn line(self, text: &mut String) {
        writeln!(text, "{},{},{}", START_US + self.at_us, self.number % 3, self.number % 1000).unwrap();
    }
}

/// Rows of one hour in the order in which they arrive.
fn rows() -> Vec<Row> {
    let count = std::env::var("TIDEGATE_DISORDER_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
    let row = |number: u64| {
        let at_us = number * (HOUR_US / count);
        let late_us = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % (DISORDER_US + 1);
        (at_us + late_us, Row { at_us, number })
    };
    let mut arriving = (0..count).map(row).collect::<Vec<_>>();
    arriving.sort_by_key(|(arrival_us, row)| (*arrival_us, row.number));
    arriving.into_iter().map(|(_, row)| row).collect()
}

fn file(rows: impl Iterator<Item = Row>) -> String {
    let mut text = "at,area,x\n".to_owned();
    rows.for_each(|row| row.line(&mut text));
    text
}

/// One file after the other in time.
fn slices(rows: &[Row]) -> Vec<String> {
    rows.chunks(rows.len().div_ceil(FILES)).map(|rows| file(rows.iter().copied())).collect()
}

/// Files that all cover the whole hour.
fn interleaved(rows: &[Row]) -> Vec<String> {
    (0..FILES).map(|first| file(rows.iter().copied().skip(first).step_by(FILES))).collect()
}

fn land(project: &Project, number: usize, text: &str) {
    project.write(&format!("landing/{number}.csv"), text);
}

/// A project that has these files at once.
fn together(files: &[String]) -> Project {
    let project = Project::with_sql(&sql(""));
    for (number, text) in files.iter().enumerate() {
        land(&project, number, text);
    }
    project.run(&["run", "--until-end"]).ok();
    project
}

/// A project that has these files one by one, with a run after each.
fn one_by_one(files: &[String]) -> Project {
    let project = Project::with_sql(&sql(""));
    for (number, text) in files.iter().enumerate() {
        land(&project, number, text);
        project.run(&["run"]).ok();
    }
    project.run(&["run", "--until-end"]).ok();
    project
}

/// What became of the rows: those in windows, and those set aside by their reasons, as the files say.
#[derive(Debug, Default, PartialEq)]
struct Fate {
    counted: u64,
    aside: BTreeMap<String, u64>,
}

fn fate(project: &Project) -> Fate {
    let query = |query: &str| -> Value {
        // Private files are out of reach of the project's own queries.
        let rows = Project::empty().run(&["sql", "--format", "json", query]).ok().stdout;
        serde_json::from_str(&rows).unwrap()
    };
    let released = project.path("released/signal=minutes");
    let counted = query(&format!("SELECT SUM(n) AS n FROM '{}/'", released.display()))[0]["n"].as_u64().unwrap();
    let mut aside = BTreeMap::new();
    for name in project.files("quarantine/d").into_keys() {
        let path = project.path("quarantine/d").join(name);
        let reasons = query(&format!("SELECT reason, COUNT(*) AS n FROM '{}' GROUP BY reason", path.display()));
        for row in reasons.as_array().unwrap() {
            *aside.entry(row["reason"].as_str().unwrap().to_owned()).or_default() += row["n"].as_u64().unwrap();
        }
    }
    Fate { counted, aside }
}

/// All rows in their windows, none set aside.
fn all(rows: &[Row]) -> Fate {
    Fate { counted: rows.len() as u64, ..Fate::default() }
}

/// Windows and their rows, as the generator knows them.
#[track_caller]
fn check_windows(project: &Project, rows: &[Row]) {
    let mut windows = BTreeMap::<(u64, u64), (u64, u64)>::new();
    for row in rows {
        let window = windows.entry((row.at_us / MINUTE_US, row.number % 3)).or_default();
        *window = (window.0 + 1, window.1 + row.number % 1000);
    }
    let query = "SELECT (CAST(window_start AS BIGINT) - 1767571200000000) / 60000000 AS minute, area, n, total
      FROM released.minutes ORDER BY 1, 2";
    let found = project.run(&["sql", "--format", "csv", query]).ok().stdout;
    let expected = windows.into_iter().map(|((minute, area), (n, total))| format!("{minute},{area},{n},{total}\n"));
    assert_eq!(found, format!("minute,area,n,total\n{}", expected.collect::<String>()));
}

#[test]
fn rows_within_the_watermark_are_all_counted() {
    let rows = rows();
    let (slices, interleaved) = (slices(&rows), interleaved(&rows));
    let whole = together(&slices);
    check_windows(&whole, &rows);
    assert_eq!(fate(&whole), all(&rows));
    for other in [one_by_one(&slices), together(&interleaved)] {
        assert_eq!(fate(&other), all(&rows));
        assert_eq!(other.files("released"), whole.files("released"));
    }
}

#[test]
fn rows_behind_the_watermark_are_listed() {
    let rows = rows();
    // The first file has the whole hour; whatever the others have for closed windows comes too late.
    let project = one_by_one(&interleaved(&rows));
    let Fate { counted, aside } = fate(&project);
    let late = aside.get("late").copied().unwrap_or_default();
    assert!(late > 0 && aside.len() == 1, "{aside:?}");
    assert_eq!(counted + late, rows.len() as u64);
    // Only the last minute was open.
    let open = rows.iter().filter(|row| row.at_us >= HOUR_US - MINUTE_US).count() as u64;
    let first = interleaved(&rows)[0].lines().count() as u64 - 1;
    assert!(counted <= first + open, "{counted} of {first} and {open}");
}

#[test]
fn a_row_from_the_future_changes_nothing_else() {
    let rows = rows();
    let slices = slices(&rows);
    let without = one_by_one(&slices);
    let mut files = slices;
    files.insert(3, "at,area,x\n4102444800000000,0,1\n".to_owned());
    let with = one_by_one(&files);
    let future = BTreeMap::from([("event_in_future".to_owned(), 1)]);
    assert_eq!(fate(&with), Fate { aside: future, ..all(&rows) });
    assert_eq!(with.files("released"), without.files("released"));
}

/// Two producers, of which `b` is silent after its first file, while `a` goes on: what is released without anybody
/// saying that the input ended.
fn released_while_b_is_silent(idle_timeout: &str) -> (Project, u64) {
    let rows = rows();
    let (early, late) = rows.split_at(rows.len() / 2);
    let half = |rows: &[Row], own: u64| file(rows.iter().copied().filter(|row| row.number % 2 == own));
    let project = Project::with_sql(&sql(&format!(", split_by = 'node'{idle_timeout}")));
    project.write("landing/node=a/0.csv", half(early, 0));
    project.write("landing/node=b/0.csv", half(early, 1));
    project.run(&["run"]).ok();
    project.write("landing/node=a/1.csv", half(late, 0));
    project.run(&["run"]).ok();
    let counted = fate(&project).counted;
    // What b delivers after all is taken, unless others went on without it.
    project.write("landing/node=b/1.csv", half(late, 1));
    project.run(&["run", "--until-end"]).ok();
    (project, counted)
}

#[test]
fn the_slowest_producer_counts_unless_it_is_idle() {
    let rows = rows();
    for patient in ["", ", idle_timeout = INTERVAL '9000 days'"] {
        let (project, counted) = released_while_b_is_silent(patient);
        assert!(counted <= rows.len() as u64 / 2, "{counted} rows were released while b was silent");
        assert_eq!(fate(&project), all(&rows));
    }
    // Silence of any length is too long: every run ends the input that it read.
    let (project, counted) = released_while_b_is_silent(", idle_timeout = INTERVAL '0 seconds'");
    assert!(counted > rows.len() as u64 / 2, "{counted} rows");
    let Fate { counted, aside } = fate(&project);
    let late = aside.get("late").copied().unwrap_or_default();
    assert!(late > 0 && aside.len() == 1, "{aside:?}");
    assert_eq!(counted + late, rows.len() as u64);
}
