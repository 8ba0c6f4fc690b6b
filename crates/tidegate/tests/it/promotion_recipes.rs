//! Do the recipes in `sql/promotion/` release what gates read, and do their gates find what was planted, and nothing else?
//!
//! One fortnight of generated decisions is judged as it is, with corrections that the generator plants in the candidate, and
//! with everything else that is planted here by a query over its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidegate_testkit::generate::{Config, Generator, Regression};

use crate::project::Project;

const GATES: [&str; 5] = ["local", "shadow", "shadow_paired", "canary", "noised"];

/// Every exact signal that a check may read, and what must hold of it.
const CHECKS: [(&str, &str); 13] = [
    ("acceptance", "direction: higher_is_better, test: { non_inferior: { margin: 2pp } }"),
    ("correction", "direction: lower_is_better, test: { non_inferior: { margin: 2pp } }"),
    ("cost_per_success", "kind: ratio, direction: lower_is_better, test: { non_inferior: { margin: 20% } }"),
    ("escalation", "direction: lower_is_better, test: { non_inferior: { margin: 1pp } }"),
    ("hallucination_by_models", "direction: lower_is_better, test: { non_inferior: { margin: 9pp } }"),
    ("hallucination_by_people", "direction: lower_is_better, test: { non_inferior: { margin: 9pp } }"),
    ("policy_violation", "direction: lower_is_better, test: { hard_limit: { limit: 3% } }"),
    ("rollback", "direction: lower_is_better, test: { non_inferior: { margin: 0.5pp } }"),
    ("sensitive_exposure", "direction: lower_is_better, test: { hard_limit: { limit: 1% } }"),
    ("shadow_failure", "kind: paired, direction: lower_is_better, test: { non_inferior: { margin: 1pp } }"),
    ("slow_answers", "direction: lower_is_better, test: { non_inferior: { margin: 1pp } }"),
    ("task_success", "direction: higher_is_better, test: { non_inferior: { margin: 9pp } }"),
    ("tool_failure", "direction: lower_is_better, test: { non_inferior: { margin: 2pp } }"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/promotion")
}

fn names(folder: &Path, extension: &str) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let named = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    let mut names = named.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>();
    names.sort();
    names
}

/// A project of all recipes and their gates, without data.
fn project() -> Project {
    let project = Project::empty();
    project.write("tidegate.toml", "[params]\nlatency_limit_us = 17000000\n");
    for name in names(&folder(), "sql") {
        project.write(&format!("sql/{name}.sql"), fs::read(folder().join(format!("{name}.sql"))).unwrap());
    }
    for gate in GATES {
        let name = format!("gates/{gate}.yaml");
        project.write(&name, fs::read(folder().join(&name)).unwrap());
    }
    project
}

/// A fortnight in which four decisions of ten are labelled.
fn generate(project: &Project, regression: Option<Regression>) {
    let config =
        Config { seed: 1, rows: 120_000, days: 14, tenants: 200, label_share: 0.4, regression, ..Config::default() };
    Generator::new(config).unwrap().write(&project.path("landing"), 2, |_| {}).unwrap();
}

/// Lands a shadow beside every decision of the control. One in 64 fails, as about one of the control does, or one in 16.
fn land_shadows(project: &Project, from: &Path, failing: &str) {
    let query = format!(
        "SELECT decision_id, event_time + INTERVAL '1 second' AS event_time, tenant_id, user_token, 'shadow' AS arm, outcome,
           CASE WHEN right(decision_id, 2) < '{failing}' THEN 'timeout' END AS error_type, policy_result, latency_us,
           cost_nanousd, tool_calls, tool_failures
         FROM '{}/decisions/' WHERE arm = 'control'",
        from.display()
    );
    project.land("landing/decisions/shadow.parquet", &query);
}

/// A gate's answer.
struct Verdict {
    code: i32,
    said: Value,
}

impl Verdict {
    /// The answer of each check, and of each trust check.
    fn parts(&self, of: &str) -> BTreeMap<&str, &str> {
        let parts = self.said[of].as_array().unwrap().iter();
        parts.map(|part| (part["name"].as_str().unwrap(), part["verdict"].as_str().unwrap())).collect()
    }

    /// The parts that were answered so, in the order of their names.
    fn answered(&self, of: &str, verdict: &str) -> Vec<&str> {
        self.parts(of).into_iter().filter(|(_, found)| *found == verdict).map(|(name, _)| name).collect()
    }
}

fn evaluate(project: &Project, gate: &str) -> Verdict {
    let asked = project.run(&["gate", "evaluate", &format!("gates/{gate}.yaml")]);
    Verdict { code: asked.code, said: serde_json::from_str(&asked.stdout).expect(&asked.stderr) }
}

/// How a gate of all signals answers, check by check.
fn judge(project: &Project) -> Verdict {
    let checks =
        CHECKS.map(|(signal, check)| format!("  - {{ name: {signal}, signal: {signal}, {check} }}\n")).concat();
    let gate = format!(
        "gate: all\nversion: 1\nstage: {{ from: canary, to: general, ramp: [50%] }}\n\
         arms: {{ control: control, treatment: treatment }}\nunit: {{ analysis: buckets }}\n\
         time: {{ window: 1d, min: 3d, max: 14d }}\nerror: {{ alpha: 0.05 }}\nchecks:\n{checks}"
    );
    project.write("gates/all.yaml", gate);
    evaluate(project, "all")
}

#[test]
fn they_are_a_project_and_each_is_documented() {
    let project = project();
    project.run(&["generate", "--rows", "2000", "--days", "2"]).ok();
    assert!(project.run(&["check"]).ok().stdout.contains("3 streams and 19 signals are ready to run"));
    let docs = fs::read_to_string(folder().join("../../docs/promotion-recipes.md")).unwrap();
    assert!(
        names(&folder(), "sql").iter().all(|name| docs.contains(&format!("`{name}.sql`"))),
        "docs name each recipe"
    );
    let mut gates = GATES;
    gates.sort_unstable();
    assert_eq!(names(&folder().join("gates"), "yaml"), gates);
    assert!(gates.iter().all(|gate| docs.contains(&format!("`{gate}.yaml`"))), "docs name each gate");
}

#[test]
fn a_candidate_that_is_no_worse_passes_every_gate() {
    let project = project();
    generate(&project, None);
    land_shadows(&project, &project.path("landing"), "04");
    project.run(&["run", "--until-end"]).ok();
    for gate in GATES {
        project.run(&["gate", "plan", &format!("gates/{gate}.yaml")]).ok();
        let verdict = evaluate(&project, gate);
        assert_eq!((verdict.code, &verdict.said["verdict"]), (0, &"PASS".into()), "{gate}: {:#}", verdict.said);
        let is_noised = verdict.said["checks"][0]["numbers"]["noise_share"].as_f64().unwrap() > 0.0;
        assert_eq!(is_noised, gate == "noised", "{gate}");
    }
    let all = judge(&project);
    // Nobody but models looks for what is made up, in what is generated.
    assert_eq!(all.answered("checks", "INCONCLUSIVE"), ["hallucination_by_people"]);
    assert_eq!(all.answered("checks", "PASS").len(), CHECKS.len() - 1, "{:#}", all.said);
}

#[test]
fn planted_corrections_fail_where_they_are_looked_for() {
    let project = project();
    generate(&project, Some(Regression::default()));
    project.run(&["run", "--until-end"]).ok();
    for (gate, failed) in [
        ("local", vec!["acceptance"]),
        ("shadow", vec![]),
        ("canary", vec!["correction"]),
        ("noised", vec!["correction"]),
    ] {
        let verdict = evaluate(&project, gate);
        assert_eq!(verdict.answered("checks", "FAIL"), failed, "{gate}: {:#}", verdict.said);
        assert_eq!(verdict.code, if failed.is_empty() { 0 } else { 5 }, "{gate}");
    }
    let all = judge(&project);
    assert_eq!(all.answered("checks", "FAIL"), ["acceptance", "correction"], "{:#}", all.said);
}

/// A quarter of the treatment's decisions are slow and dear, their tools fail, and a policy blocks some; more are handed over,
/// taken back, or found to expose people; tasks fail, and answers are made up. Labels of the treatment are missing, and some
/// people are in both arms, others in none.
#[test]
fn whatever_else_is_planted_fails_where_it_is_looked_for() {
    let (raw, project) = (Project::empty(), project());
    generate(&raw, None);
    let landing = raw.path("landing");
    let decisions = format!(
        "SELECT decision_id, event_time, tenant_id, user_token, error_type, tool_calls,
           CASE WHEN arm = 'control' AND user_token < '4' AND right(decision_id, 1) < '8' THEN 'treatment' ELSE arm END AS arm,
           CASE WHEN arm = 'treatment' AND outcome IN ('abandoned', 'unknown') THEN 'escalated'
             WHEN arm = 'treatment' AND outcome = 'error' THEN 'rolled_back' ELSE outcome END AS outcome,
           CASE WHEN hit AND right(decision_id, 2) < '8' THEN 'block' ELSE policy_result END AS policy_result,
           CASE WHEN hit THEN 3 ELSE 1 END * latency_us AS latency_us,
           CASE WHEN hit THEN 3 ELSE 1 END * cost_nanousd AS cost_nanousd,
           CASE WHEN hit THEN tool_calls ELSE tool_failures END AS tool_failures
         FROM (SELECT *, arm = 'treatment' AND right(decision_id, 1) < '4' AS hit FROM '{}/decisions/')
         WHERE arm <> 'treatment' OR user_token >= '8'",
        landing.display()
    );
    project.land("landing/decisions/a.parquet", &decisions);
    let labels = format!(
        "SELECT l.label_id, l.decision_id, l.target_scope, l.version, l.op, l.labeled_at,
           CASE WHEN is_exposed THEN 'policy' ELSE l.label_kind END AS label_kind,
           CASE WHEN is_exposed THEN 'personal_data' ELSE l.failed_policy END AS failed_policy,
           CASE WHEN is_treated AND label_kind = 'task_completed' THEN 'no'
             WHEN is_treated AND label_kind = 'hallucination' THEN 'present' ELSE l.label_value END AS label_value,
           CASE WHEN label_kind = 'hallucination' AND right(l.label_id, 1) < '8' THEN 'HUMAN' ELSE l.annotator_kind END
             AS annotator_kind
         FROM (SELECT l.*, d.arm = 'treatment' AS is_treated, d.arm = 'treatment' AND l.label_kind IN ('review', 'rating') AS is_exposed
               FROM '{0}/labels/' AS l JOIN '{0}/decisions/' AS d ON l.decision_id = d.decision_id) AS l
         WHERE NOT is_treated OR right(decision_id, 1) < '8'",
        landing.display()
    );
    project.land("landing/labels/a.parquet", &labels);
    land_shadows(&project, &landing, "10");
    project.run(&["run", "--until-end"]).ok();
    let all = judge(&project);
    assert_eq!(all.answered("checks", "PASS"), ["acceptance", "correction"], "{:#}", all.said);
    assert_eq!(all.answered("checks", "FAIL").len(), CHECKS.len() - 2, "{:#}", all.said);

    let canary = evaluate(&project, "canary");
    assert_eq!(canary.code, 5);
    let doubt = canary.answered("trust", "INCONCLUSIVE");
    assert_eq!(doubt, ["equal_label_delay", "one_exposure", "sample_ratio"], "{:#}", canary.said);
    assert_ne!(evaluate(&project, "noised").code, 5);
    for gate in ["shadow", "shadow_paired"] {
        assert_eq!(evaluate(&project, gate).code, 5, "{gate}");
    }
}
