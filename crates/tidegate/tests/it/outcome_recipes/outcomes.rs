//! Recipes in `sql/outcomes/`.

use tidegate_testkit::generate::{Config, Generator};

use super::*;

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
