//! Do signals over public telemetry give the answers that DuckDB gave?
//!
//! The data lies in the folder named by `TIDEGATE_REAL_DATA`, by default beside the checkout; where it is
//! absent these tests say so and pass.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::project::Project;

fn data() -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("TIDEGATE_REAL_DATA").map_or_else(|| repository.join("../shared/data"), PathBuf::from);
    if folder.join("answers.json").is_file() {
        return folder.canonicalize().ok();
    }
    eprintln!("skipped: no real telemetry at {}", folder.display());
    None
}

/// The project of the repository over the real data, run to the end.
struct Real {
    project: Project,
    arguments: Vec<String>,
    answers: Value,
}

impl Real {
    fn run() -> Option<Self> {
        let data = data()?;
        let project = Project::empty();
        let definitions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/real");
        let arguments = vec![
            "--project".to_owned(),
            definitions.display().to_string(),
            "--root".to_owned(),
            project.path("out").display().to_string(),
            "--param".to_owned(),
            format!("real_data={}", data.display()),
        ];
        let answers = fs::read_to_string(data.join("answers.json")).unwrap();
        let real = Self { project, arguments, answers: serde_json::from_str(&answers).unwrap() };
        real.tidegate(&["run", "--until-end"]);
        Some(real)
    }

    fn tidegate(&self, arguments: &[&str]) -> String {
        let all = arguments.iter().copied().chain(self.arguments.iter().map(String::as_str)).collect::<Vec<_>>();
        self.project.run(&all).ok().stdout
    }

    fn answer(&self, dataset: &str, name: &str) -> &Value {
        let answers = self.answers["answers"].as_array().unwrap();
        answers.iter().find(|answer| answer["dataset"] == dataset && answer["name"] == name).unwrap()
    }

    /// Compares a query's rows with the answer's columns, floats to 10 digits.
    #[track_caller]
    fn check(&self, dataset: &str, name: &str, columns: &[&str], query: &str) {
        let answer = self.answer(dataset, name);
        let names = answer["columns"].as_array().unwrap();
        let places =
            columns.iter().map(|column| names.iter().position(|name| name == column).unwrap()).collect::<Vec<_>>();
        let expected = answer["rows"].as_array().unwrap();
        let found: Value = serde_json::from_str(&self.tidegate(&["sql", "--format", "json", query])).unwrap();
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{dataset} {name}");
        for (found, expected) in found.iter().zip(expected) {
            for (column, &place) in columns.iter().zip(&places) {
                assert!(alike(&found[column], &expected[place]), "{name} {column}: {found} is not {expected}");
            }
        }
    }
}

fn alike(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(found), Value::Number(expected)) if expected.is_f64() => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= 1e-10 * expected.abs().max(1e-3)
        }
        (Value::String(found), Value::String(expected)) => {
            let plain = |text: &str| text.replace("+00:00", "Z");
            plain(found) == plain(expected)
        }
        (found, expected) => found == expected,
    }
}

#[test]
fn aider_hours_months_and_cohorts() {
    let Some(real) = Real::run() else { return };
    real.check(
        "aider_telemetry",
        "tumbling_1h_sends_totals",
        &["windows", "total", "mx"],
        "SELECT COUNT(*) AS windows, SUM(n) AS total, MAX(n) AS mx FROM released.aider_sends_hourly",
    );
    real.check(
        "aider_telemetry",
        "tumbling_1h_sends_top5",
        &["w", "n"],
        "SELECT window_start AS w, n FROM released.aider_sends_hourly ORDER BY n DESC, window_start LIMIT 5",
    );
    real.check(
        "aider_telemetry",
        "monthly_sends",
        &["m", "n", "models", "tokens", "cost"],
        "SELECT month AS m, n, models, tokens, cost FROM released.aider_sends_monthly ORDER BY m",
    );
    let report: Value = serde_json::from_str(&fresh_report(&real)).unwrap();
    for row in real.answer("aider_telemetry", "k_anonymity_models")["rows"].as_array().unwrap() {
        let signal = &report["signals"][format!("aider_models_of_{}", row[0])];
        assert_eq!((&signal["rows_released"], &signal["withheld"]), (&row[1], &row[2]), "k = {}", row[0]);
    }
}

/// A run from nothing tells how many groups it withheld.
fn fresh_report(real: &Real) -> String {
    fs::remove_dir_all(real.project.path("out")).unwrap();
    real.tidegate(&["run", "--until-end", "--json"])
}

#[test]
fn azure_minutes() {
    let Some(real) = Real::run() else { return };
    real.check(
        "azure_llm_2023",
        "tumbling_1min",
        &["w", "n", "c"],
        "SELECT window_start AS w, n, context_tokens AS c FROM released.azure_minutes ORDER BY 1",
    );
}

#[test]
fn openhands_benchmarks_and_weeks() {
    let Some(real) = Real::run() else { return };
    real.check(
        "openhands_index",
        "by_benchmark",
        &["benchmark", "n", "resolved", "unknown", "cost"],
        "SELECT benchmark, n, resolved, unknown, cost FROM released.openhands_by_benchmark ORDER BY 1",
    );
    real.check(
        "openhands_index",
        "weekly_ingest",
        &["w", "n", "runs"],
        "SELECT window_start AS w, n, runs FROM released.openhands_weekly ORDER BY 1",
    );
}

#[test]
fn the_same_telemetry_in_many_files_releases_the_same_bytes() {
    let Some(data) = data() else { return };
    let sql = "
        CREATE STREAM aider WITH (path = 'landing', format = 'ndjson', event_time = 'event_ts');
        CREATE SIGNAL sends AS
        SELECT window_start, window_end, main_model, COUNT(*) AS n, SUM(cost_usd) AS cost, AVG(cost_usd) AS mean
        FROM TUMBLE(aider, event_ts, INTERVAL '1 day') WHERE event = 'message_send'
        GROUP BY window_start, window_end, main_model;";
    let (whole, fed) = (Project::with_sql(sql), Project::with_sql(sql));
    let events = format!(
        "SELECT event_ts, event, main_model, cost_usd FROM '{}'",
        data.join("aider_telemetry/events.parquet").display()
    );
    let rows: Vec<Value> =
        serde_json::from_str(&whole.run(&["sql", "--format", "json", "--project", "/", &events]).ok().stdout).unwrap();
    let lines = rows.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>();
    whole.write("landing/all.ndjson", lines.concat());
    whole.run(&["run", "--until-end"]).ok();
    for (part, lines) in lines.chunks(3_000).enumerate() {
        fed.write(&format!("landing/{part:02}.ndjson"), lines.concat());
        fed.run(&["run"]).ok();
    }
    fed.run(&["run", "--until-end"]).ok();
    assert_eq!(whole.files("released"), fed.files("released"));
    assert!(whole.files("released").len() > 50);
}
