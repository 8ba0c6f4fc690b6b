//! Do the recipes in `sql/outcomes/`, `sql/labels/` and `sql/ops/` count what they say?
//!
//! What is planted is counted on paper: in a decision `j` of a thousand every fact follows from `j`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::project::Project;

mod labels;
mod ops;
mod outcomes;

/// Where recipes lie, how many streams and signals they are, and the folders that are read beside decisions and labels.
const FOLDERS: [(&str, &str, &[&str]); 3] = [
    ("outcomes", "3 streams and 24 signals", &["usage_events"]),
    ("labels", "3 streams and 9 signals", &[]),
    ("ops", "4 streams and 13 signals", &["decision_steps", "promotions"]),
];

fn sql(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql").join(folder)
}

fn names(folder: &str) -> Vec<String> {
    let paths = fs::read_dir(sql(folder)).unwrap().map(|file| file.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// A project of some recipes of a folder, and of the streams that they read, without data.
fn project(folder: &str, recipes: &[&str]) -> Project {
    let project = Project::empty();
    for name in ["streams"].iter().chain(recipes) {
        let text = fs::read(sql(folder).join(format!("{name}.sql"))).unwrap();
        project.write(&format!("sql/{name}.sql"), text);
    }
    for stream in ["decisions", "labels", "usage_events", "decision_steps", "promotions"] {
        fs::create_dir_all(project.path("landing").join(stream)).unwrap();
    }
    project
}

/// A query of so many rows `j`, a minute apart from 2026-01-05, a Monday, on: each the decision `id` of one of 40 people.
fn minutes(rows: u32, columns: &str) -> String {
    format!(
        "SELECT {columns} FROM (
           SELECT j, 'd' || j AS id, 'u' || (j % 40) AS person, to_timestamp(1767571200 + j * 60) AS at
           FROM (SELECT unnest(range(0, {rows})) AS j))"
    )
}

/// Lands decisions of one task, model and risk.
fn decide(project: &Project, rows: u32, columns: &str) {
    let columns = format!(
        "id AS decision_id, person AS user_token, at AS event_time, 't' AS task_class, 'm' AS model_version,
         'low' AS risk_class, {columns}"
    );
    project.land("landing/decisions/a.parquet", &minutes(rows, &columns));
}

/// One label each on the decisions of which `holds` is true.
fn label(kind: &str, holds: &str, value: &str) -> Label {
    Label { kind: kind.to_owned(), holds: holds.to_owned(), value: value.to_owned(), others: Vec::new() }
}

/// Labels of one kind. What is not said of them is as of a person's first word, an hour after the decision.
struct Label {
    kind: String,
    holds: String,
    value: String,
    others: Vec<(&'static str, String)>,
}

impl Label {
    /// With `column` computed so.
    fn with(mut self, column: &'static str, expression: &str) -> Self {
        self.others.push((column, expression.to_owned()));
        self
    }

    fn query(&self, rows: u32, nth: usize) -> String {
        let usual = [
            ("label_name", format!("'{}'", self.kind)),
            ("score", "CAST(NULL AS DOUBLE)".to_owned()),
            ("annotator_kind", "'HUMAN'".to_owned()),
            ("identifier", "''".to_owned()),
            ("failed_policy", "CAST(NULL AS VARCHAR)".to_owned()),
            ("missing_context", "CAST(NULL AS VARCHAR)".to_owned()),
            ("source_system", "'qa'".to_owned()),
            ("target_scope", "'decision'".to_owned()),
            ("version", "1".to_owned()),
            ("op", "'assert'".to_owned()),
            ("labeled_at", "at + INTERVAL '1 hour'".to_owned()),
            ("ingested_at", "at + INTERVAL '1 hour'".to_owned()),
        ];
        let said = usual.iter().map(|(column, usual)| {
            let other = self.others.iter().find(|(other, _)| other == column);
            format!("{} AS {column}", other.map_or(usual, |(_, other)| other))
        });
        let columns = format!(
            "'l{nth}-' || j AS label_id, id AS decision_id, '{}' AS label_kind, {} AS label_value, {}",
            self.kind,
            self.value,
            said.collect::<Vec<_>>().join(", ")
        );
        format!("{} WHERE {}", minutes(rows, &columns), self.holds)
    }
}

/// Lands labels of decisions.
fn say(project: &Project, rows: u32, labels: &[Label]) {
    let queries = labels.iter().enumerate().map(|(nth, label)| label.query(rows, nth));
    project.land("landing/labels/a.parquet", &queries.collect::<Vec<_>>().join(" UNION ALL "));
}

fn run(project: &Project) {
    project.run(&["run", "--until-end"]).ok();
}

/// What a signal says, in columns and rows, in order.
#[track_caller]
fn check(project: &Project, signal: &str, columns: &str, expected: &[&str]) {
    let query = format!("SELECT {columns} FROM released.{signal} ORDER BY {columns}");
    let answer = project.run(&["sql", "--format", "csv", &query]).ok().stdout;
    assert_eq!(answer.lines().skip(1).collect::<Vec<_>>(), expected, "{signal}: {columns}");
}

#[test]
fn each_folder_is_a_project_and_each_recipe_is_documented() {
    let docs = fs::read_to_string(sql("../docs/outcome-recipes.md")).unwrap();
    for (folder, count, others) in FOLDERS {
        let names = names(folder);
        let project = project(folder, &names.iter().map(String::as_str).collect::<Vec<_>>());
        project.run(&["generate", "--rows", "2000", "--days", "2"]).ok();
        let said = project.run(&["check"]).ok().stdout;
        assert!(said.contains(&format!("{count} are ready to run")), "{folder}: {said}");
        assert!(others.iter().all(|stream| docs.contains(&format!("`{stream}`"))), "docs name the streams of {folder}");
        for name in names.iter().filter(|name| *name != "streams") {
            assert!(docs.contains(&format!("`{name}.sql`")), "docs name {folder}/{name}.sql");
        }
    }
}

/// So that folders can be put together.
#[test]
fn no_two_recipes_make_signals_of_one_name() {
    let mut makers = BTreeMap::new();
    for folder in ["drift", "promotion", "outcomes", "labels", "ops"] {
        for name in names(folder) {
            let text = fs::read_to_string(sql(folder).join(format!("{name}.sql"))).unwrap();
            for line in text.lines().filter_map(|line| line.strip_prefix("CREATE SIGNAL ")) {
                let signal = line.split(' ').next().unwrap().to_owned();
                let before = makers.insert(signal, format!("{folder}/{name}.sql"));
                assert_eq!(before, None, "{line} in {folder}/{name}.sql");
            }
        }
    }
}
