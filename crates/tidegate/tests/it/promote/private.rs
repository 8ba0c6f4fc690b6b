//! Evidence about people: noise is folded in, what it cost is in the audit log, and a hard limit shows nothing.

use super::*;

const PEOPLE: &str = "
CREATE STREAM people (ts TIMESTAMP, person VARCHAR, arm VARCHAR, bucket BIGINT, hit BIGINT)
  WITH (path = 'people', format = 'csv', event_time = 'ts', privacy_unit = 'person');
CREATE SIGNAL noised AS
SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1.5, delta = 1e-9, privacy_unit_column = person,
    max_groups_contributed = 1, min_privacy_units_per_group = 20)
  window_start, window_end, arm, bucket,
  SUM(hit, contribution_bounds_per_group => (0, 1)) AS num,
  COUNT(*, contribution_bounds_per_group => (0, 1)) AS den
FROM TUMBLE(people, ts, INTERVAL '1 day') GROUP BY window_start, window_end, arm, bucket;
CREATE SIGNAL inside WITH (scope = 'internal') AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = person)
  window_start, window_end, arm, bucket, SUM(hit) AS num, COUNT(*) AS den
FROM TUMBLE(people, ts, INTERVAL '1 day') GROUP BY window_start, window_end, arm, bucket;
CREATE SIGNAL summed AS
SELECT window_start, arm, 0 AS bucket, SUM(num) AS num, SUM(den) AS den FROM released.noised GROUP BY window_start, arm;
";

const GATE: &str = "
gate: private
version: 1
bundle: support
stage: { from: local, to: shadow }
arms: { control: control, treatment: v1 }
time: { window: 1d, min: 1d, max: 9d }
error: { alpha: 0.05 }
trust: [open_ledger, schema_unchanged]
checks:
  - { name: wrong, signal: noised, direction: lower_is_better, test: { non_inferior: { margin: 8pp } } }
  - { name: unsafe, signal: inside, direction: lower_is_better, test: { hard_limit: { limit: 30% } } }
";

/// Four days of 600 people in each arm, of whom a tenth is hit.
fn people() -> String {
    let mut rows = "ts,person,arm,bucket,hit\n".to_owned();
    for at in 0..4 {
        for person in 0..1200 {
            let (arm, hit) = (["control", "v1"][person % 2], u32::from(person % 20 < 2));
            rows += &format!("{}T06:00:00,p{at}-{person},{arm},{},{hit}\n", day(at), person / 2 % 4);
        }
    }
    rows
}

fn private() -> Project {
    let project = project();
    project.write("sql/people.sql", PEOPLE);
    project.write("people/a.csv", people());
    land(&project, "others", 0, "v1", [100, 100]);
    project.write("gates/private.yaml", GATE);
    release(&project);
    act(&project, "ann", 0, &["register", "support@1.5.0", "--gate", "gates/private.yaml"]).ok();
    act(&project, "ann", 4, &["promote"]).ok();
    project
}

#[test]
fn noise_is_folded_in_and_what_it_cost_is_proven() {
    let project = private();
    let verdict = act(&project, "ann", 5, &["evaluate"]).ok();
    let verdict: Value = serde_json::from_str(&verdict.stdout).unwrap();
    let numbers = &verdict["checks"][0]["numbers"];
    assert!(numbers["noise_share"].as_f64().unwrap() > 0.0, "{verdict}");
    // A hard limit over rows that are kept inside: its answer, and no number of it anywhere.
    assert_eq!((&verdict["checks"][1]["verdict"], &verdict["checks"][1]["numbers"]), (&"PASS".into(), &Value::Null));
    // A charge for every day, signed and logged; the day after, one more.
    let charges = |project: &Project| project.files("registry/charges").len();
    assert_eq!(charges(&project), project.files("log/budget").len());
    assert!(charges(&project) >= 4);
    verified(&project);
    let record = project.files("log/budget").keys().next().unwrap().clone();
    let bytes = project.files("log/budget")[&record].clone();
    let changed = String::from_utf8(bytes.clone()).unwrap().replacen("noised", "nosied", 1);
    project.write(&format!("log/budget/{record}"), changed);
    assert_eq!(project.run(&["promote", "verify"]).code, 1);
    project.write(&format!("log/budget/{record}"), bytes);
    verified(&project);
}

#[test]
fn a_query_cannot_drop_the_noise() {
    let project = private();
    let text = "checks:\n  - name: wrong\n    sql: SELECT arm, bucket, window_start, num, den FROM released.noised\n    \
                direction: lower_is_better\n    test: { non_inferior: { margin: 8pp } }\n";
    let gate = format!("{}{text}", GATE.split("checks:").next().unwrap());
    project.write("gates/silent.yaml", &gate);
    let silent = project.run(&["gate", "evaluate", "gates/silent.yaml"]);
    assert!(silent.code == 1 && silent.stdout.contains("unknown_noise"), "{}", silent.stdout);
    let whole = gate.replace("num, den FROM", "num, den, num_noise_stddev, den_noise_stddev FROM");
    project.write("gates/whole.yaml", whole);
    project.run(&["gate", "evaluate", "gates/whole.yaml"]).ok();
    // Noise that was added up or made up is not what the column says; nor is what another signal made of it.
    for (from, to) in [
        ("num_noise_stddev, den", "0.0 AS num_noise_stddev, den"),
        ("num, den, num_noise", "num + 0 AS num, den, num_noise"),
        ("FROM released.noised", "FROM released.summed"),
    ] {
        let gate = gate.replace("num, den FROM", "num, den, num_noise_stddev, den_noise_stddev FROM").replace(from, to);
        project.write("gates/made_up.yaml", gate);
        let made_up = project.run(&["gate", "evaluate", "gates/made_up.yaml"]);
        assert!(made_up.code == 1 && made_up.stdout.contains("unknown_noise"), "{to}: {}", made_up.stdout);
    }
    project.write("gates/summed.yaml", GATE.replace("signal: noised", "signal: summed"));
    let summed = project.run(&["gate", "evaluate", "gates/summed.yaml"]);
    assert!(summed.code == 1 && summed.stdout.contains("unknown_noise"), "{}", summed.stdout);
    // Rows that are kept inside are for hard limits alone.
    let inside = GATE.replace("signal: noised", "signal: inside");
    project.write("gates/inside.yaml", inside);
    let inside = project.run(&["gate", "evaluate", "gates/inside.yaml"]);
    assert!(inside.code == 1 && inside.stdout.contains("is kept inside"), "{}", inside.stdout);
}

#[test]
fn encrypted_projects_are_judged_the_same() {
    let project = project();
    project.write("tidegate.toml", format!("{SIMULATED}[encryption]\nkey_file = 'secret.key'\n"));
    project.write("secret.key", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    project.write("sql/people.sql", PEOPLE);
    project.write("people/a.csv", people());
    land(&project, "others", 0, "v1", [100, 100]);
    project.write("gates/private.yaml", GATE);
    let run = project.run(&["run", "--until-end"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    project.run(&["gate", "evaluate", "gates/private.yaml"]).ok();
    verified(&project);
}
