//! Do the recipes in `sql/outcomes/`, `sql/labels/` and `sql/ops/` count what they say?
//!
//! What is planted is counted on paper: in a decision `j` of a thousand every fact follows from `j`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tidegate_gate::rollout::Pointer;
use tidegate_testkit::generate::{Config, Generator};

use crate::project::Project;

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

/// Of a thousand decisions, beside a shadow of each and a slice of too few people.
#[test]
fn rates_over_decisions() {
    let rates =
        ["acceptance_rate", "escalation_rate", "rollback_rate", "human_override", "policy_blocked", "fallback_used"];
    let project = project("outcomes", &[&["slices"], &rates[..]].concat());
    let columns = "'control' AS arm,
        CASE WHEN j < 600 THEN 'accepted' WHEN j < 800 THEN 'edited' WHEN j < 850 THEN 'escalated'
          WHEN j < 880 THEN 'rolled_back' ELSE 'abandoned' END AS outcome,
        CASE WHEN j >= 600 AND j < 750 THEN 'wrong_value' END AS override_reason,
        CASE j % 100 WHEN 0 THEN 'block' WHEN 1 THEN NULL ELSE 'allow' END AS policy_result,
        CASE j % 50 WHEN 0 THEN true WHEN 1 THEN NULL ELSE false END AS fallback_used";
    decide(&project, 1000, columns);
    let shadow = "id AS decision_id, person AS user_token, at AS event_time, 't' AS task_class, 'm' AS model_version,
        'low' AS risk_class, 'shadow' AS arm, 'escalated' AS outcome";
    project.land("landing/decisions/shadow.parquet", &minutes(1000, shadow));
    let few = "'f' || id AS decision_id, 'u' || (j % 19) AS user_token, at AS event_time, 'rare' AS task_class,
        'm' AS model_version, 'low' AS risk_class, 'accepted' AS outcome";
    project.land("landing/decisions/few.parquet", &minutes(500, few));
    run(&project);
    for (signal, expected) in rates.iter().zip([
        "t,600,1000,0.6",
        "t,50,1000,0.05",
        "t,30,1000,0.03",
        "t,150,1000,0.15",
        "t,10,990,0.010101",
        "t,20,980,0.020408",
    ]) {
        check(&project, signal, "task_class, num, den, round(rate, 6)", &[expected]);
    }
}

/// Labels of a thousand decisions, of which the first 600 were accepted. What comes too late, is said anew, taken back, or said
/// of a step counts nowhere.
#[test]
fn rates_over_labels() {
    let rates = [
        "task_success",
        "correction_rate",
        "hallucination_rate",
        "cost_per_success",
        "satisfaction",
        "support_burden",
        "policy_violation",
        "exposure",
        "retrieval_mismatch",
    ];
    let project = project("outcomes", &[&["labelled_slices"], &rates[..]].concat());
    let columns = "CASE WHEN j < 600 THEN 'accepted' ELSE 'edited' END AS outcome,
        CASE WHEN j % 16 = 0 THEN 0 ELSE 1000 END AS cost_nanousd,
        CAST(j % 5 AS INT) AS retrievals, CASE WHEN j % 10 = 1 THEN 0.3 ELSE 0.9 END AS retrieval_confidence";
    decide(&project, 1000, columns);
    let task = |holds: &str, value: &str| label("task_completed", holds, value);
    say(
        &project,
        1000,
        &[
            task("j % 4 = 0", "CASE WHEN j % 8 = 0 THEN 'no' ELSE 'yes' END"),
            task("j % 4 = 0", "'no'").with("version", "2"),
            task("j % 4 = 1", "'no'").with("labeled_at", "at + INTERVAL '3 days'"),
            task("j % 4 = 2", "'no'").with("target_scope", "'step'"),
            task("j % 4 = 3", "CAST(NULL AS VARCHAR)").with("op", "'retract'"),
            label("correction", "j >= 600 AND j < 680", "'wrong'")
                .with("missing_context", "CASE WHEN j % 10 IN (0, 9) THEN 'current_price' END"),
            label("correction", "j >= 680 AND j < 690", "CAST(NULL AS VARCHAR)"),
            label("correction", "j >= 690 AND j < 700", "'right'"),
            label("hallucination", "j % 10 = 0", "CASE WHEN j % 20 = 0 THEN 'present' ELSE 'none' END"),
            label("hallucination", "j % 5 = 0", "CASE WHEN j % 50 = 0 THEN 'present' ELSE 'none' END")
                .with("annotator_kind", "'LLM'"),
            label("rating", "j % 2 = 0", "'5'")
                .with("score", "CASE WHEN j % 4 = 0 THEN 0.25 ELSE 1.0 END")
                .with("source_system", "CASE WHEN j % 100 = 0 THEN 'support' ELSE 'langfuse' END"),
            label("policy", "j % 20 = 0", "CASE WHEN j % 40 = 0 THEN 'fail' ELSE 'pass' END").with(
                "failed_policy",
                "CASE WHEN j % 200 = 0 THEN 'personal_data' WHEN j % 40 = 0 THEN 'four_eyes' END",
            ),
        ],
    );
    run(&project);
    let rate = "num, den, rate";
    check(&project, "task_success_rate", rate, &["125,250,0.5"]);
    // Half of what was accepted had failed: acceptance is not success.
    check(&project, "task_success_rate", "decided, accepted_tasks, accepted_failures", &["1000,150,75"]);
    check(&project, "correction_rate", rate, &["90,1000,0.09"]);
    check(&project, "hallucination_rate", "judges, num, den, rate", &["models,20,200,0.1", "people,50,100,0.5"]);
    check(&project, "cost_per_completed_task", "num, den, nanousd", &["187000,125,1496.0"]);
    check(
        &project,
        "satisfaction",
        "num, den, mean_score, low_ratings, rated, decided",
        &["312.5,500,0.625,250,500,1000"],
    );
    check(&project, "support_burden", rate, &["10,1000,0.01"]);
    check(&project, "policy_violation_rate", rate, &["25,50,0.5"]);
    check(&project, "exposure_rate", rate, &["5,1000,0.005"]);
    // 100 of a poor hit, and 8 of which a reviewer missed something; where nothing was retrieved, nothing mismatches.
    check(&project, "retrieval_mismatch", rate, &["108,800,0.135"]);
}

/// Errors are resolved within one hour or two, after eight days, or never; of what was rejected, by too few people to tell.
#[test]
fn time_until_it_is_resolved() {
    let project = project("outcomes", &["time_to_resolution"]);
    decide(&project, 300, "CASE j % 3 WHEN 0 THEN 'error' WHEN 1 THEN 'rejected' ELSE 'accepted' END AS outcome");
    let done = |holds: &str, after: &str| {
        label("task_completed", holds, "'yes'").with("labeled_at", &format!("at + INTERVAL '{after}'"))
    };
    say(
        &project,
        300,
        &[
            done("j % 3 = 0 AND j < 180", "1 hour"),
            done("j % 3 = 0 AND j >= 180 AND j < 240", "2 hours"),
            done("j % 3 = 0 AND j >= 240 AND j < 270", "8 days"),
            done("j % 3 = 1 AND j < 15", "1 hour"),
            done("j % 3 = 2", "1 hour"),
        ],
    );
    run(&project);
    let columns = "outcome, opened, resolved, p50_s, p90_s";
    check(&project, "time_to_resolution", columns, &["error,100,80,3600.0,7200.0", "rejected,100,5,,"]);
}

#[test]
fn who_uses_what() {
    let project = project("outcomes", &["adoption"]);
    // Each of 100 people opens the page, 60 of them search twice, and ten do what few do.
    let of = |feature: &str, rows: u32, people: u32| {
        let columns = format!(
            "'{feature}' || j AS event_id, at AS event_time, 'v' || (j % {people}) AS user_token, '{feature}' AS feature"
        );
        minutes(rows, &columns)
    };
    let events = [of("page", 100, 100), of("search", 120, 60), of("rare", 50, 10)].join(" UNION ALL ");
    project.land("landing/usage_events/a.parquet", &events);
    run(&project);
    let columns = "feature, num, den, rate, uses, uses_per_user";
    check(&project, "adoption", columns, &["page,100,100,1.0,100,1.0", "search,60,100,0.6,120,2.0"]);
}

#[test]
fn a_role_that_is_served_worse() {
    let project = project("outcomes", &["slice_parity"]);
    let columns = "id AS decision_id, at AS event_time, 'u' || (j / 80 % 40) AS user_token,
        CASE WHEN j % 4 = 0 THEN 'analyst' ELSE 'agent' END AS user_role,
        CASE WHEN (j / 4) % 2 = 0 THEN 'eu' ELSE 'us' END AS region,
        CASE WHEN (j / 8) % 10 < CASE WHEN j % 4 = 0 THEN 3 ELSE 1 END THEN 'edited' ELSE 'accepted' END AS outcome";
    project.land("landing/decisions/a.parquet", &minutes(4000, columns));
    run(&project);
    let columns = "dimension, slice, num, den, rate, rest_rate, unequal";
    check(
        &project,
        "slice_parity",
        columns,
        &[
            "region,eu,300,2000,0.15,0.15,false",
            "region,us,300,2000,0.15,0.15,false",
            "user_role,agent,300,3000,0.1,0.3,true",
            "user_role,analyst,300,1000,0.3,0.1,true",
        ],
    );
}

/// What a dashboard shows of all slices is what a gate reads of all arms.
#[test]
fn outcomes_and_promotion_count_alike() {
    let pairs = [
        ("acceptance", "acceptance_rate"),
        ("escalation", "escalation_rate"),
        ("rollback", "rollback_rate"),
        ("task_success", "task_success_rate"),
        ("hallucination_by_models", "hallucination_rate"),
    ];
    let raw = Project::empty();
    let config = Config { rows: 20_000, days: 3, tenants: 20, users: 2000, label_share: 0.4, ..Config::default() };
    Generator::new(config).unwrap().write(&raw.path("landing"), 2, |_| {}).unwrap();
    // One slice, and few buckets, so that nothing is withheld.
    let decisions = format!(
        "SELECT * REPLACE ('t' AS task_class, 'm' AS model_version, 'low' AS risk_class,
           'a00' || (ascii(user_token) % 3) AS tenant_id)
         FROM '{}/decisions/' WHERE arm IN ('control', 'treatment')",
        raw.path("landing").display()
    );
    let labels = format!("SELECT * FROM '{}/labels/'", raw.path("landing").display());
    let totals = |folder: &str, recipes: &[&str], signals: &[&str]| {
        let project = project(folder, recipes);
        project.write("tidegate.toml", "[params]\nlatency_limit_us = 17000000\n");
        project.land("landing/decisions/a.parquet", &decisions);
        project.land("landing/labels/a.parquet", &labels);
        run(&project);
        signals
            .iter()
            .map(|signal| {
                let query = format!("SELECT SUM(num) AS num, SUM(den) AS den FROM released.{signal}");
                project.run(&["sql", "--format", "csv", &query]).ok().stdout
            })
            .collect::<Vec<_>>()
    };
    let gates = totals(
        "promotion",
        &["cells", "labelled_cells", "acceptance", "escalation", "rollback", "task_success", "hallucination"],
        &pairs.map(|(gate, _)| gate),
    );
    let shown = totals(
        "outcomes",
        &[
            "slices",
            "labelled_slices",
            "acceptance_rate",
            "escalation_rate",
            "rollback_rate",
            "task_success",
            "hallucination_rate",
        ],
        &pairs.map(|(_, shown)| shown),
    );
    assert_eq!(gates, shown);
    assert!(gates.iter().all(|total| !total.contains("\n0,")), "{gates:?}");
}

/// Of a hundred decisions two people label each, and of ninety they agree. A model says the same of all.
#[test]
fn whether_labels_may_be_believed() {
    let project = project("labels", &["label_quality"]);
    decide(&project, 1, "'accepted' AS outcome");
    let review =
        |holds: &str, value: &str, who: &str| label("review", holds, value).with("identifier", &format!("'{who}'"));
    let right = "CASE WHEN j % 2 = 0 THEN 'right' ELSE 'wrong' END";
    say(
        &project,
        100,
        &[
            review("true", right, "a"),
            review("true", &format!("CASE WHEN j < 10 THEN 'wrong' ELSE {right} END"), "b")
                .with("labeled_at", "at + INTERVAL '2 days'"),
            review("true", "'right'", "judge").with("annotator_kind", "'LLM'"),
            review("j < 20", "CAST(NULL AS VARCHAR)", "a").with("version", "2").with("op", "'retract'"),
            review("j >= 20 AND j < 30", "'other'", "a").with("version", "2"),
            review("j >= 30 AND j < 40", right, "a").with("version", "2"),
            review("j = 50", "'other'", "a").with("version", "2").with("labeled_at", "at + INTERVAL '9 days'"),
        ],
    );
    run(&project);
    // Of 200 words of people 95 are `right`, so chance gives 0.475^2 + 0.525^2; of 400 in mixed pairs 295 are.
    let columns = "annotators, num, den, rate, round(pi, 4)";
    check(&project, "label_agreement", columns, &["HUMAN,95,100,0.95,0.8997", "MIXED,95,200,0.475,-0.3559"]);
    check(&project, "label_overturn", "annotator_kind, num, den", &["HUMAN,30,200", "LLM,0,100"]);
}

#[test]
fn blocks_that_were_right_and_breaches_that_passed() {
    let project = project("labels", &["policy_accuracy"]);
    decide(&project, 1000, "'p1' AS policy_version, CASE WHEN j < 100 THEN 'block' ELSE 'allow' END AS policy_result");
    let fails = "CASE WHEN j < 30 OR (j >= 100 AND j < 120) THEN 'fail' ELSE 'pass' END";
    say(
        &project,
        1000,
        &[label("policy", "j < 40 OR (j >= 100 AND j < 200)", fails), label("review", "true", "'fail'")],
    );
    run(&project);
    check(
        &project,
        "policy_accuracy",
        "policy_version, blocked, passed, right_blocks, wrong_blocks, misses, right_passes, precision, recall, \
         round(accuracy, 4)",
        &["p1,100,900,30,10,20,80,0.75,0.6,0.7857"],
    );
}

/// Six of ten labelled decisions are of one task, and half of one tenant; those that may not leave it count nowhere.
#[test]
fn learning_that_would_follow_one_task() {
    let project = project("labels", &["concentration"]);
    let columns = "'u' || (j / 10 % 40) AS user_token, id AS decision_id, at AS event_time, 'outcome' AS outcome,
        CASE WHEN j % 10 < 6 THEN 'mail' WHEN j % 10 < 8 THEN 'code' ELSE 'tax' END AS task_class,
        CASE WHEN j % 2 = 0 THEN 'a' ELSE 'b' END AS tenant_id,
        CASE WHEN j < 1000 THEN 'global' ELSE 'local' END AS learning_scope,
        CASE WHEN j >= 800 AND j < 1000 THEN 'holdout' END AS arm";
    project.land("landing/decisions/a.parquet", &minutes(1200, columns));
    say(&project, 1200, &[label("review", "j < 700 OR j >= 800", "'right'"), label("rating", "j % 3 = 0", "'5'")]);
    run(&project);
    let columns = "dimension, parts, decisions, round(largest_share, 2), round(herfindahl, 2)";
    check(&project, "concentration", columns, &["task_class,3,733,0.6,0.44", "tenant_id,2,733,0.5,0.5"]);
}

#[test]
fn decisions_to_learn_from() {
    let project = project("labels", &["learning_candidates"]);
    let columns = "CASE WHEN j < 600 THEN 'global' ELSE 'local' END AS learning_scope,
        CASE WHEN j >= 1000 THEN 'holdout' END AS arm,
        CASE WHEN j % 10 = 0 THEN 'escalated' WHEN j % 10 = 1 THEN 'edited' WHEN j % 10 = 9 THEN 'error'
          ELSE 'accepted' END AS outcome,
        CASE WHEN j % 10 = 1 THEN 'wrong_value' END AS override_reason,
        CASE WHEN j % 10 = 9 THEN 'timeout' END AS error_type,
        CAST(CASE WHEN j % 10 = 2 THEN 1 ELSE 0 END AS INT) AS tool_failures,
        CASE WHEN j % 20 < 2 THEN 'block' ELSE 'allow' END AS policy_result";
    decide(&project, 1200, columns);
    run(&project);
    check(
        &project,
        "learning_candidates",
        "learning_scope, decided, overridden, escalated, recovered, blocked, candidates",
        &["global,600,60,60,60,60,180", "local,400,40,40,40,40,120"],
    );
}

/// Of 1,001 answers that take 0 to 1,000 ms; a task of too few people is not shown.
#[test]
fn quantiles_of_time() {
    let project = project("ops", &["latency_quantiles"]);
    let columns = "id AS decision_id, at AS event_time, 'm' AS model_version,
        'u' || (j % 120) AS user_token, 't' AS task_class, j * 1000 AS latency_us, j * 100 AS time_to_first_token_us";
    let few = "'f' || id AS decision_id, at AS event_time, 'm' AS model_version,
        'u' || (j % 99) AS user_token, 'few' AS task_class, 1 AS latency_us, 1 AS time_to_first_token_us";
    project.land("landing/decisions/a.parquet", &format!("{} UNION ALL {}", minutes(1001, columns), minutes(500, few)));
    run(&project);
    check(
        &project,
        "latency_quantiles",
        "task_class, decided, p50_us, p95_us, p99_us, first_token_p50_us, first_token_p95_us",
        &["t,1001,500000.0,950000.0,990000.0,50000.0,95000.0"],
    );
}

/// Each of 1,000 decisions plans, calls a tool, and is checked by a guardrail and by itself.
#[test]
fn steps_that_fail_and_steps_that_step_in() {
    let project = project("ops", &["step_cells", "step_latency", "step_failure", "policy_trigger"]);
    decide(&project, 1000, "'accepted' AS outcome");
    let step = |no: u32, kind: &str, name: &str, status: &str| {
        let columns = format!(
            "id AS decision_id, CAST({no} AS INT) AS step_no, '{kind}' AS step_kind, '{name}' AS name, {status} AS status,
             at - INTERVAL '1 minute' AS start_time, {no} * 1000 + j AS duration_us"
        );
        minutes(1000, &columns)
    };
    let steps = [
        step(0, "plan", "planner", "CASE WHEN j % 100 = 0 THEN 'error' ELSE 'ok' END"),
        step(1, "tool", "search", "CASE WHEN j % 10 = 0 THEN 'error' WHEN j % 2 = 1 THEN 'skipped' ELSE 'ok' END"),
        step(2, "guardrail", "pii", "CASE WHEN j % 50 = 0 THEN 'blocked' WHEN j % 50 = 1 THEN 'error' ELSE 'ok' END"),
        step(3, "verify", "self_check", "CASE WHEN j % 5 = 0 THEN 'error' ELSE 'ok' END"),
    ];
    project.land("landing/decision_steps/a.parquet", &steps.join(" UNION ALL "));
    run(&project);
    check(
        &project,
        "step_failure",
        "step_kind, name, num, den, rate, decisions",
        &[
            "guardrail,pii,20,1000,0.02,1000",
            "plan,planner,10,1000,0.01,1000",
            "tool,search,100,500,0.2,500",
            "verify,self_check,200,1000,0.2,1000",
        ],
    );
    check(&project, "policy_trigger", "step_kind, name, num, den, rate", &["guardrail,pii,20,1000,0.02"]);
    check(
        &project,
        "step_latency",
        "step_kind, ran, p50_us, round(p95_us, 2)",
        &[
            "guardrail,1000,2499.5,2949.05",
            "plan,1000,499.5,949.05",
            "tool,500,1499.0,1948.1",
            "verify,1000,3499.5,3949.05",
        ],
    );
}

/// Of three days with 1,440 decisions each the second has 10 times as many faults as the others.
#[test]
fn a_day_that_spends_the_budget() {
    let project = project("ops", &["success_rate", "error_budget"]);
    let fault = "j % 100 < CASE WHEN j / 1440 = 1 THEN 10 ELSE 1 END";
    let columns = format!(
        "CASE WHEN {fault} AND j % 2 = 0 THEN 'error' ELSE 'accepted' END AS outcome,
         CASE WHEN {fault} AND j % 2 = 1 THEN 'timeout' END AS error_type"
    );
    decide(&project, 4320, &columns);
    run(&project);
    let days = "CAST(date AS VARCHAR), num, den";
    check(&project, "success_rate", days, &["2026-01-05,1425,1440", "2026-01-06,1300,1440", "2026-01-07,1425,1440"]);
    check(
        &project,
        "error_budget",
        "CAST(date AS VARCHAR), round(burn_rate, 3), round(spent_28_days, 3), verdict",
        &["2026-01-05,0.521,0.521,stable", "2026-01-06,4.861,2.691,alarm", "2026-01-07,0.521,1.968,alarm"],
    );
    assert_eq!(project.files("events/signal=error_budget").len(), 1);
}

#[test]
fn how_long_the_loop_takes() {
    let project = project("ops", &["loop_timing"]);
    decide(&project, 400, "2000 AS latency_us");
    say(
        &project,
        400,
        &[
            label("review", "j < 200", "'right'")
                .with("labeled_at", "at + INTERVAL '6 hours'")
                .with("ingested_at", "at + INTERVAL '6 hours 90 seconds'"),
            label("rating", "j % 100 = 0", "'5'"),
        ],
    );
    run(&project);
    check(
        &project,
        "loop_timing",
        "label_kind, decisions, decision_p50_us, label_p50_s, label_p95_s, landing_p50_s, landing_p95_s",
        &["review,200,2000.0,21600.0,21600.0,90.0,90.0"],
    );
}

#[test]
fn decisions_that_cannot_be_traced() {
    let project = project("ops", &["lineage_coverage"]);
    let columns = "CASE WHEN j % 10 <> 0 THEN 'a1' END AS trace_id, 'b1' AS bundle_version,
        CASE WHEN j % 20 = 1 THEN 'unversioned' ELSE 'v1' END AS prompt_template_version,
        CASE WHEN j % 100 <> 2 THEN 'p1' ELSE '' END AS policy_version";
    decide(&project, 1000, columns);
    run(&project);
    check(
        &project,
        "lineage_coverage",
        "num, den, no_trace, no_model, no_prompt, no_policy, no_bundle",
        &["840,1000,100,0,50,10,0"],
    );
}

/// One rule of two fails once.
#[test]
fn contracts_that_are_not_kept() {
    let project = project("ops", &["dq_summary"]);
    project.write(
        "contracts/checked.yaml",
        "apiVersion: v3.1.0
kind: DataContract
id: urn:contract:checked
name: checked
version: 1.0.0
status: active
team: { name: trust-eng }
schema:
  - name: checked
    properties:
      - { name: decision_id, logicalType: string, required: true, classification: internal }
      - { name: at, logicalType: timestamp, classification: internal }
      - name: confidence
        logicalType: number
        classification: internal
        quality: [{ metric: nullValues, mustBeLessThan: 5, unit: percent }]
slaProperties: [{ property: latency, value: 5, unit: m }]
customProperties:
  - { property: source, value: test }
  - { property: reliability, value: at-least-once }
  - { property: privacyClass, value: internal }
  - { property: eventTime, value: at }
",
    );
    project.write(
        "sql/checked.sql",
        "CREATE STREAM checked WITH (path = 'landing/checked/', format = 'ndjson', contract = 'contracts/checked.yaml');
         CREATE SIGNAL counted AS SELECT COUNT(*) AS n FROM checked;",
    );
    let lines = |from: usize, confidence: fn(usize) -> &'static str| {
        let line = |row| {
            format!(
                "{{\"decision_id\":\"d{row}\",\"at\":\"2026-01-05T01:00:00Z\",\"confidence\":{}}}\n",
                confidence(row)
            )
        };
        (from..from + 100).map(line).collect::<String>()
    };
    project.write("tidegate.toml", "[epoch]\nmax_files = 1\n");
    project.write("landing/checked/a.ndjson", lines(0, |_| "0.5"));
    project.write("landing/checked/b.ndjson", lines(100, |row| if row % 10 == 0 { "null" } else { "0.5" }));
    run(&project);
    check(
        &project,
        "dq_summary",
        r#""column", metric, num, den, rows_in_doubt, verdict"#,
        &["confidence,nullValues,1,2,100,alarm", "decision_id,nullValues,2,2,0,stable"],
    );
    assert_eq!(project.files("events/signal=dq_summary").len(), 1);
}

/// One version goes all the way in nine days, another comes back after two; the log is exported twice.
#[test]
fn versions_that_arrive_and_versions_that_come_back() {
    let project = project("ops", &["cycle_time"]);
    let step = |generation: u32, day: u32, action: &str, registration: &str, from: &str, to: &str| {
        let at_us = (1_767_571_200 + u64::from(day) * 86_400) * 1_000_000;
        let step = serde_json::json!({
            "name": "support", "generation": generation, "action": action, "registration": registration,
            "bundle": format!("sha256:{registration}"), "from": from, "to": to, "general": "sha256:base",
            "last_known_good": "sha256:base", "reason": "as planned", "facts": 1, "by": "ann", "at_us": at_us,
        });
        serde_json::from_value::<Pointer>(step).unwrap()
    };
    let mut log = vec![
        step(0, 0, "adopt", "base", "registered", "general"),
        step(1, 1, "advance", "good", "registered", "local"),
        step(2, 2, "advance", "good", "local", "shadow"),
        step(3, 4, "advance", "good", "shadow", "canary"),
        step(4, 10, "advance", "good", "canary", "general"),
        step(5, 11, "advance", "bad", "registered", "local"),
        step(6, 13, "roll_back", "bad", "local", "registered"),
    ];
    export(&project, "first", &log[..5]);
    log.drain(..1);
    export(&project, "second", &log);
    run(&project);
    check(
        &project,
        "cycle_time",
        "registration, steps, days_to_general, days_to_rollback, was_rolled_back",
        &["bad,1,,2.0,true", "good,4,9.0,,false"],
    );
}

/// As `jq -c '.[]'` would.
fn export(project: &Project, name: &str, log: &[Pointer]) {
    let lines = log.iter().map(|step| serde_json::to_string(step).unwrap() + "\n").collect::<String>();
    project.write(&format!("landing/promotions/{name}.ndjson"), lines);
}
