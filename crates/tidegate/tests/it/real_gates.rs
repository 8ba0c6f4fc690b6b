//! What do gates say of pairs of agents, and of two policies, that were really measured?
//!
//! Skipped where the public telemetry is absent (see `real_data`). Unknown outcomes are left out and not counted as failures;
//! a cost of 0 is unpriced.

use serde_json::Value;

use crate::project::Project;
use crate::real_data::data;

const SQL: &str = "
CREATE STREAM openhands WITH (path = $real_data || '/openhands_index/instances.parquet', event_time = 'submission_ts');
CREATE SIGNAL resolved AS
SELECT run_id, COUNT(*) FILTER (WHERE resolved) AS num, COUNT(resolved) AS den, COUNT(*) - COUNT(resolved) AS unknown,
  COUNT(*) FILTER (WHERE cost_usd > 0) AS priced
FROM openhands GROUP BY run_id;

CREATE STREAM tau2 WITH (path = $real_data || '/tau2_sims/runs.parquet', event_time = 'start_ts');
CREATE SIGNAL tasks AS
SELECT domain, agent_llm, COUNT(*) FILTER (WHERE success) AS num, COUNT(success) AS den,
  COUNT(*) FILTER (WHERE agent_cost_usd > 0) AS priced
FROM tau2 GROUP BY domain, agent_llm;

CREATE STREAM men WITH (path = $real_data || '/open_bandit/men.parquet', event_time = 'ts');
CREATE SIGNAL clicks AS
SELECT window_start, window_end, policy AS arm, 0 AS bucket, SUM(click) AS num, COUNT(*) AS den
FROM TUMBLE(men, ts, INTERVAL '1 day') GROUP BY window_start, window_end, policy;
";

/// The project over the real data, run to the end.
fn real() -> Option<Project> {
    let data = data()?;
    let project = Project::with_sql(SQL);
    let parameter = format!("[params]\nreal_data = {:?}\n", data.display().to_string());
    project.write("tidegate.toml", parameter);
    project.run(&["run", "--until-end"]).ok();
    Some(project)
}

/// Asks whether one run of an evaluation set is better than another, or at most a margin worse.
fn ask(project: &Project, from: &str, arms: [&str; 2], test: &str) -> Value {
    let gate = format!(
        "gate: pair
version: 1
stage: {{ from: local, to: shadow }}
arms: {{ control: control, treatment: treatment }}
time: {{ window: 1d, min: 1d, max: 1d }}
error: {{ alpha: 0.05, sequential: fixed }}
checks:
  - name: success
    sql: >-
      SELECT CASE WHEN {} THEN 'treatment' ELSE 'control' END AS arm, 0 AS bucket,
      TIMESTAMP '2026-01-01 00:00:00' AS window_start, num, den FROM {from} AND ({} OR {})
    direction: higher_is_better
    test: {{ {test} }}
",
        arms[1], arms[0], arms[1]
    );
    project.write("gates/pair.yaml", gate);
    let run = project.run(&["gate", "evaluate", "gates/pair.yaml"]);
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    assert_eq!(verdict["verdict"] == "PASS", run.code == 0);
    verdict
}

fn openhands(project: &Project, control: &str, treatment: &str, test: &str) -> Value {
    let arm = |name: &str| format!("run_id = 'openhands/{name}/swe-bench'");
    ask(project, "released.resolved WHERE true", [&arm(control), &arm(treatment)], test)
}

#[test]
fn a_better_agent_passes_and_a_like_one_is_held() {
    let Some(project) = real() else { return };
    let better = openhands(&project, "Nemotron-3-Nano", "claude-sonnet-4-5", "superior: { expect: 10pp }");
    assert_eq!(better["verdict"], "PASS", "{better}");
    // Three of its 500 outcomes are unknown: they are not failures.
    assert_eq!(better["checks"][0]["numbers"]["n"]["control"], 497.0);
    for (control, treatment) in [("claude-opus-4-5", "claude-opus-4-6"), ("claude-sonnet-4-5", "claude-sonnet-4-6")] {
        let alike = openhands(&project, control, treatment, "superior: { expect: 3pp }");
        assert_eq!((&alike["verdict"], &alike["cause"]), (&"INCONCLUSIVE".into(), &"not_shown".into()), "{alike}");
    }
}

#[test]
fn few_tasks_promote_nobody() {
    let Some(project) = real() else { return };
    let tuned = "agent_llm LIKE 'ft:%'";
    for (domain, cause) in [("retail", "not_shown"), ("airline", "too_few_events")] {
        let from = format!("released.tasks WHERE domain = '{domain}'");
        let verdict = ask(&project, &from, ["agent_llm = 'gpt-4.1'", tuned], "non_inferior: { margin: 5pp }");
        assert_eq!((&verdict["verdict"], &verdict["cause"]), (&"INCONCLUSIVE".into(), &cause.into()), "{verdict}");
    }
    // Its cost was recorded as 0, which is unpriced and not free: there is nothing to compare.
    let priced = format!("SELECT SUM(priced) AS n FROM released.tasks WHERE {tuned}");
    assert_eq!(project.run(&["sql", &priced, "--format", "csv"]).ok().stdout, "n\n0\n");
}

#[test]
fn ten_thousand_impressions_do_not_decide_between_two_policies() {
    let Some(project) = real() else { return };
    project.write(
        "gates/men.yaml",
        "gate: men
version: 1
stage: { from: canary, to: general, ramp: [50%] }
arms: { control: random, treatment: bts }
time: { window: 1d, min: 2d, max: 7d }
error: { alpha: 0.05, sequential: always }
checks:
  - name: clicks
    signal: clicks
    direction: higher_is_better
    test: { superior: { expect: 0.2pp } }
",
    );
    let run = project.run(&["gate", "evaluate", "gates/men.yaml"]);
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(run.code == 3 || run.code == 4, "{verdict}");
    let numbers = &verdict["checks"][0]["numbers"];
    assert_eq!((&verdict["cause"], &numbers["windows"]), (&"not_shown".into(), &7.into()), "{verdict}");
    let seen = ["control", "treatment"].map(|arm| numbers["n"][arm].as_f64().unwrap());
    assert_eq!(seen, [10_000.0, 10_000.0]);
    assert!(numbers["interval"]["low"].as_f64().unwrap() < 0.0 && numbers["interval"]["high"].as_f64().unwrap() > 0.0);
}
