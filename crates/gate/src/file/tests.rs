use super::*;

mod refused;

pub(crate) const GATE: &str = "\
gate: assistant-v2
version: 1
stage: { from: canary, to: general, ramp: [5%, 50%] }
arms: { control: v1, treatment: v2 }
unit: { analysis: events }
time: { window: 1d, min: 2d, max: 14d }
error: { alpha: 0.05 }
trust:
  - schema_unchanged
checks:
  - name: edit_rate
    signal: edit_rate_by_arm
    direction: lower_is_better
    test: { non_inferior: { margin: 1pp } }
";

/// Parses [`GATE`] with one piece replaced.
fn changed(from: &str, to: &str) -> crate::Result<GateFile> {
    assert_eq!(GATE.matches(from).count(), 1, "{from} must stand in the example once");
    GateFile::parse("gates/a.yaml", &GATE.replace(from, to))
}

#[test]
fn a_declaration_is_read() {
    let gate = GateFile::parse("gates/a.yaml", GATE).unwrap();
    assert_eq!(
        (gate.stage.from, gate.stage.to, gate.stage.ramp.as_slice()),
        (Stage::Canary, Stage::General, &[0.05, 0.5][..])
    );
    assert_eq!((gate.time.window, gate.time.max), (Span::DAY, Span(14 * Span::DAY.0)));
    assert_eq!(gate.error, ErrorRates { alpha: 0.05, power: 0.8, sequential: Sequential::ObrienFleming });
    assert_eq!(gate.checks[0].test, Test::NonInferior { margin: Margin::Points(1.0) });
    assert_eq!(gate.checks[0].query, Query::Signal("edit_rate_by_arm".into()));
    assert_eq!((gate.decide.rollback, gate.approvals.required), (Rollback::Manual, 0));
}

/// The example at the head of the module is read, with every section.
#[test]
fn the_example_is_a_gate() {
    let source = include_str!("../file.rs");
    let example = source.lines().skip_while(|line| *line != "//! ```yaml").skip(1);
    let example: Vec<&str> = example.take_while(|line| *line != "//! ```").map(|line| &line[4..]).collect();
    let gate = GateFile::parse("example", &example.join("\n")).unwrap();
    assert_eq!((gate.trust.len(), gate.time.freeze.len(), gate.approvals.roles.len()), (2, 1, 1));
}

#[test]
fn every_kind_of_test_is_read() {
    let test = |kind: &str, test: &str| {
        let checks = format!("kind: {kind}\n    direction: lower_is_better\n    test: {{ {test} }}");
        let text = GATE.replace("direction: lower_is_better\n    test: { non_inferior: { margin: 1pp } }", &checks);
        GateFile::parse("a", &text.replace("analysis: events", "analysis: buckets")).unwrap().checks.remove(0).test
    };
    let expect = Margin::Points(2.0);
    let margin = Margin::Points(0.0);
    assert_eq!(test("proportion", "superior: { expect: 2pp }"), Test::Superior { margin, expect });
    let (margin, expect) = (Margin::Percent(1.0), Margin::Percent(10.0));
    assert_eq!(test("ratio", "superior: { margin: 1%, expect: 10% }"), Test::Superior { margin, expect });
    assert_eq!(test("proportion", "below: { limit: 2%, expect: 1% }"), Test::Below { limit: 0.02, expect: 0.01 });
    assert_eq!(test("ratio", "below: { limit: 0.4, expect: 0.1 }"), Test::Below { limit: 0.4, expect: 0.1 });
    assert_eq!(test("paired", "non_inferior: { margin: 5pp }"), Test::NonInferior { margin: Margin::Points(5.0) });
}

#[test]
fn the_digest_is_of_the_plan_and_not_of_its_layout() {
    let digest = |text: &str| GateFile::parse("a", text).unwrap().digest();
    let plan = digest(GATE);
    assert_eq!(digest(&GATE.replace("arms: {", "# a comment\narms: {   ")), plan);
    assert_eq!(digest(&GATE.replace("version: 1\n", "").replace("error:", "version: 1\nerror:")), plan);
    assert_eq!(digest(&GATE.replace("alpha: 0.05", "alpha: 0.05, power: 0.8")), plan);
    assert_eq!(digest(&GATE.replace("1pp", "1.0 pp")), plan);
    assert_eq!(digest(&GATE.replace("2d", "48h")), plan);
    assert_ne!(digest(&GATE.replace("1pp", "2pp")), plan);
    assert_ne!(digest(&GATE.replace("1pp", "1%")), plan);
    assert_ne!(digest(&GATE.replace("min: 2d", "min: 3d")), plan);
}
