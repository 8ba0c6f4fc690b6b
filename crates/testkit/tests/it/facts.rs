//! Can what was planted be found again, and only what was planted?

use std::collections::{BTreeMap, HashMap};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use tidegate_testkit::generate::{Config, Drift, Regression};

use crate::{config, decisions, integers, share, text, times};

const DAY_US: i64 = 86_400_000_000;

/// The share of `outcome` in `arm`.
fn outcome_share(batch: &RecordBatch, arm: &str, outcome: &str) -> f64 {
    let arms = text(batch, "arm");
    let outcomes = text(batch, "outcome");
    let of_arm = arms.iter().zip(outcomes).filter(|(of, _)| **of == Some(arm));
    share(of_arm.map(|(_, became)| became == Some(outcome)))
}

fn difference(batch: &RecordBatch, outcome: &str) -> f64 {
    outcome_share(batch, "treatment", outcome) - outcome_share(batch, "control", outcome)
}

fn many(config: &Config) -> RecordBatch {
    decisions(Config { rows: 200_000, ..config.clone() })
}

#[test]
fn without_a_regression_the_arms_are_alike() {
    let batch = many(&config());
    assert!(difference(&batch, "edited").abs() < 0.01);
    assert!(difference(&batch, "rejected").abs() < 0.01);
}

#[test]
fn a_planted_regression_is_found_in_the_treatment_arm() {
    let batch = many(&Config { regression: Some(Regression::default()), ..config() });
    let (edited, rejected) = (difference(&batch, "edited"), difference(&batch, "rejected"));
    assert!((edited - 0.06).abs() < 0.01, "edited differs by {edited}");
    assert!((rejected - 0.01).abs() < 0.006, "rejected differs by {rejected}");
    let holdout = outcome_share(&batch, "holdout", "edited");
    assert!((holdout - outcome_share(&batch, "control", "edited")).abs() < 0.03);
}

#[test]
fn a_planted_drift_begins_on_its_day() {
    let drift = Drift { from_day: 3, input_tokens_factor: 2.0, task_shift: 0.2 };
    let config = Config { drift: Some(drift), ..config() };
    let from_us = config.start_us + 3 * DAY_US;
    let batch = many(&config);
    let drifted: Vec<bool> = times(&batch, "event_time").iter().map(|at| *at >= from_us).collect();
    let tasks = text(&batch, "task_class");
    let reviews = |after: bool| {
        let rows = tasks.iter().zip(&drifted).filter(|(_, drifted)| **drifted == after);
        share(rows.map(|(task, _)| *task == Some("contract_review")))
    };
    let expected = 0.2 + 0.8 * reviews(false);
    assert!((reviews(true) - expected).abs() < 0.01, "{} of {expected}", reviews(true));

    let tokens = integers(&batch, "input_tokens");
    let mean = |after: bool| {
        let rows = (0..tasks.len()).filter(|row| tasks[*row] == Some("support_reply") && drifted[*row] == after);
        let tokens: Vec<i64> = rows.filter_map(|row| tokens[row]).collect();
        tokens.iter().sum::<i64>() as f64 / tokens.len() as f64
    };
    let factor = mean(true) / mean(false);
    assert!((factor - 2.0).abs() < 0.05, "{factor}");
}

#[test]
fn a_user_stays_in_one_arm_and_an_arm_on_one_bundle() {
    let batch = decisions(config());
    let (users, arms) = (text(&batch, "user_token"), text(&batch, "arm"));
    let bundles = text(&batch, "bundle_version");
    let mut arm_of = HashMap::new();
    let mut bundle_of = BTreeMap::new();
    for row in 0..batch.num_rows() {
        assert_eq!(users[row].is_none(), arms[row].is_none());
        if let Some(user) = users[row] {
            assert_eq!(*arm_of.entry(user).or_insert(arms[row]), arms[row]);
        }
        let bundle = bundle_of.entry(arms[row]).or_insert(bundles[row]);
        assert_eq!(*bundle, bundles[row]);
    }
    let bundle_of: Vec<_> = bundle_of.into_iter().map(|(arm, bundle)| (arm, bundle.unwrap())).collect();
    let expected =
        [(None, "1.4.0"), (Some("control"), "1.4.0"), (Some("holdout"), "1.4.0"), (Some("treatment"), "1.5.0")];
    assert_eq!(bundle_of, expected);
}

#[test]
fn confidence_follows_the_outcome_and_cost_the_tokens() {
    let batch = decisions(config());
    let outcomes = text(&batch, "outcome");
    let confidence = batch.column_by_name("confidence").unwrap().as_primitive::<Float64Type>();
    let mean = |outcome: &str| {
        let rows = confidence.iter().zip(&outcomes).filter(|(_, became)| **became == Some(outcome));
        let scores: Vec<f64> = rows.filter_map(|(score, _)| score).collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    };
    assert!(mean("accepted") > mean("edited") + 0.1);
    assert!(mean("edited") > mean("rejected") + 0.1);
    assert!(confidence.iter().flatten().all(|score| (0.0..=1.0).contains(&score)));

    let (tokens, costs) = (integers(&batch, "input_tokens"), integers(&batch, "cost_nanousd"));
    for (tokens, cost) in tokens.into_iter().zip(costs) {
        assert_eq!(tokens.is_none(), cost.is_none());
        assert!(cost.is_none_or(|cost| cost > 0));
    }
}

#[test]
fn ids_are_lower_case_hex_of_their_width() {
    let batch = decisions(Config { rows: 2_000, ..config() });
    let widths = [
        ("decision_id", 32),
        ("trace_id", 32),
        ("span_id", 16),
        ("parent_decision_id", 32),
        ("session_id", 32),
        ("user_token", 32),
        ("envelope_hash", 64),
    ];
    for (name, width) in widths {
        for id in text(&batch, name).into_iter().flatten() {
            let digits = id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            assert!(digits && id.len() == width, "{name} {id}");
        }
    }
}
