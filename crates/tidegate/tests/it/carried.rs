//! What does a gate see of an arm that is too small for most of its windows?

use std::fmt::Write;

use serde_json::Value;

use crate::project::Project;

/// Two days of decisions: each hour 30 people in the control and 2 in the treatment, of whom every fifth is edited.
fn decisions() -> String {
    let mut rows = String::from("at,arm,person,edited\n");
    for hour in 0..48 {
        let (day, of_day) = (5 + hour / 24, hour % 24);
        for person in 0..32 {
            let arm = if person < 30 { "control" } else { "treatment" };
            let edited = (hour + person) % 5 == 0;
            writeln!(rows, "2026-01-{day:02}T{of_day:02}:{person:02}:00,{arm},p{hour}-{person},{edited}").unwrap();
        }
    }
    rows
}

fn numbers(below_threshold: &str) -> Value {
    let project = Project::with_sql(&format!(
        "CREATE STREAM d (at TIMESTAMP, arm VARCHAR, person VARCHAR, edited BOOLEAN)
  WITH (path = 'landing', format = 'csv', event_time = 'at', privacy_unit = 'person');
CREATE SIGNAL edits AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 6, below_threshold = {below_threshold})
  window_start, window_end, arm, 0 AS bucket, COUNT(*) FILTER (WHERE edited) AS num, COUNT(*) AS den
FROM TUMBLE(d, at, INTERVAL '1 hour') GROUP BY window_start, window_end, arm;"
    ));
    project.write("landing/a.csv", decisions());
    project.run(&["run", "--until-end"]).ok();
    project.write(
        "gates/edits.yaml",
        "gate: edits
version: 1
stage: { from: canary, to: general, ramp: [6%] }
arms: { control: control, treatment: treatment }
time: { window: 1h, min: 1d, max: 2d }
error: { alpha: 0.05, sequential: always }
checks:
  - name: edits
    signal: edits
    direction: lower_is_better
    test: { non_inferior: { margin: 10pp } }
",
    );
    let run = project.run(&["gate", "evaluate", "gates/edits.yaml"]);
    let verdict: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    verdict["checks"][0].clone()
}

#[test]
fn an_arm_that_is_carried_counts_whole() {
    let lost = numbers("LEAVE_OUT");
    assert_eq!(lost["cause"], "missing_arm", "no hour of the treatment has six people: {lost}");
    let carried = numbers("CARRY");
    assert_eq!(carried["numbers"]["n"]["treatment"], 96.0, "{carried}");
    assert_eq!(carried["numbers"]["n"]["control"], 1440.0, "{carried}");
    assert_eq!(carried["numbers"]["withheld_share"], 0.0, "{carried}");
}
