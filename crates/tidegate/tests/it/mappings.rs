//! What would become of rows of another origin under a contract, and is it told without a value of theirs?

use std::path::Path;

use serde_json::{Value, json};

use crate::contracts::decision;
use crate::project::{Project, Run};
use crate::real_data::data;

/// The findings, as rows of JSON.
fn findings(run: &Run) -> Vec<Value> {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr))
}

fn has(findings: &[Value], column: &str, finding: &str, rows: impl Into<Value>) -> bool {
    let rows = rows.into();
    findings.iter().any(|row| row["column"] == column && row["finding"] == finding && row["rows"] == rows)
}

/// A shipped mapping of public telemetry, over its files.
fn mapped(contract: &str, mapping: &str, files: &[&str]) -> Option<Run> {
    let data = data()?;
    let view = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/mappings").join(mapping);
    let files = files.iter().map(|file| data.join(file).display().to_string()).collect::<Vec<_>>();
    let arguments = ["contract", "test", contract, "--format", "json", "--view", view.to_str().unwrap()];
    let arguments = arguments.into_iter().chain(files.iter().map(String::as_str)).collect::<Vec<_>>();
    Some(Project::empty().run(&arguments))
}

#[test]
fn messages_of_aider_are_decisions_but_for_those_that_lack_latency_or_model() {
    let Some(run) = mapped("decisions", "aider.sql", &["aider_telemetry/events.parquet"]) else { return };
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("decisions 1.0.0: 1838 of 2712 rows can be taken, 874 cannot"), "{run:?}");
    let findings = findings(&run);
    // 831 have no latency; all 43 that failed have no model.
    assert!(has(&findings, "model_version", "required", 43), "{findings:#?}");
    assert!(has(&findings, "latency_us", "required", 831), "{findings:#?}");
    for missing in ["session_id", "confidence", "experiment_id", "policy_result", "fallback_used"] {
        assert!(has(&findings, missing, "missing", Value::Null), "{missing}: {findings:#?}");
    }
    assert!(!findings.iter().any(|row| row["finding"] == "unlisted"), "{findings:#?}");
}

#[test]
fn simulations_of_tau2_are_decisions_and_steps() {
    let Some(run) = mapped("decisions", "tau2.sql", &["tau2_sims/runs.parquet"]) else { return };
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("190 of 190 rows"), "{run:?}");
    assert!(has(&findings(&run), "user_token", "missing", Value::Null), "{run:?}");
    let steps = mapped("decision_steps", "tau2_steps.sql", &["tau2_sims/steps.parquet"]).unwrap();
    assert_eq!(steps.code, 0, "{steps:?}");
    assert!(steps.stderr.contains("3997 of 3997 rows"), "{steps:?}");
}

#[test]
fn results_of_openhands_are_decisions_where_somebody_s_code_was_worked_on() {
    let files = ["openhands_index/instances.parquet", "openhands_index/runs.parquet"];
    let Some(run) = mapped("decisions", "openhands.sql", &files) else { return };
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("21820 of 25349 rows can be taken, 3529 cannot"), "{run:?}");
    assert!(has(&findings(&run), "tenant_id", "required", 3529), "{run:?}");
}

#[test]
fn findings_count_and_tell_no_value() {
    let project = Project::empty();
    let mut rows = (0..5).map(decision).collect::<Vec<_>>();
    rows[1]["outcome"] = "bananas".into();
    rows[2]["span_id"] = "not-hex".into();
    rows[3]["latency_us"] = json!(-5);
    let lines = rows.iter().map(|row| format!("{row}\n")).collect::<String>();
    project.write("decisions.ndjson", lines);
    let run = project.run(&["contract", "test", "decisions", "--format", "json", "decisions.ndjson"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("2 of 5 rows can be taken, 3 cannot"), "{run:?}");
    let findings = findings(&run);
    assert!(has(&findings, "outcome", "vocabulary", 1), "{findings:#?}");
    assert!(has(&findings, "span_id", "pattern", 1), "{findings:#?}");
    assert!(has(&findings, "latency_us", "range", 1), "{findings:#?}");
    for value in ["bananas", "not-hex", "example.com"] {
        assert!(!run.stdout.contains(value) && !run.stderr.contains(value), "{value}: {run:?}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let project = Project::empty();
    project.write("a.parquet", "no parquet");
    let unreadable = project.run(&["contract", "test", "decisions", "a.parquet"]).failure();
    assert!(unreadable.contains("TG714") && unreadable.contains("a.parquet"), "{unreadable}");
    project.write("rows.ndjson", "{\"a\": 1}\n");
    project.write("view.sql", "SELECT b FROM rows");
    let wrong = project.run(&["contract", "test", "decisions", "--view", "view.sql", "rows.ndjson"]).failure();
    assert!(wrong.contains("view.sql:1:8"), "{wrong}");
    let unknown = project.run(&["contract", "test", "decision", "rows.ndjson"]).failure();
    assert!(unknown.contains("TG315") && unknown.contains("decisions"), "{unknown}");
}
