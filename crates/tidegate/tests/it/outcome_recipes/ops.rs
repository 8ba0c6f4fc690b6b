//! Recipes in `sql/ops/`.

use tidegate_gate::rollout::Pointer;

use super::*;

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
