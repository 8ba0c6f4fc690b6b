//! Recipes in `sql/labels/`.

use super::*;

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
