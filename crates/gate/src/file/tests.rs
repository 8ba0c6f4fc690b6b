use super::*;

mod refused;

pub(crate) const GATE: &str = "\
gate: assistant-v2
version: 1
arms: { control: v1, treatment: v2 }
time:
  horizon: { events_per_arm: 20000, windows: 7 }
cohort: { min_buckets: 2 }
error: { alpha: 0.05 }
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
    assert_eq!(gate.time.horizon, Horizon { events_per_arm: 20_000, windows: Some(7) });
    assert_eq!(gate.error, ErrorRates { alpha: 0.05, power: 0.8 });
    let [Check { test, .. }] = &gate.checks;
    assert_eq!(*test, Test::NonInferior { margin: Margin::Points(1.0) });
}

#[test]
fn optional_sections_may_be_left_out() {
    let gate = changed("cohort: { min_buckets: 2 }\n", "").unwrap();
    assert!(gate.cohort.is_none());
    let gate = changed(", windows: 7", "").unwrap();
    assert!(gate.time.horizon.windows.is_none());
}

#[test]
fn the_digest_is_of_the_plan_and_not_of_its_layout() {
    let digest = |text: &str| GateFile::parse("a", text).unwrap().digest();
    let plan = digest(GATE);
    assert_eq!(digest(&GATE.replace("arms: {", "# a comment\narms: {   ")), plan);
    assert_eq!(digest(&GATE.replace("version: 1\n", "").replace("error:", "version: 1\nerror:")), plan);
    assert_eq!(digest(&GATE.replace("alpha: 0.05", "alpha: 0.05, power: 0.8")), plan);
    assert_eq!(digest(&GATE.replace("1pp", "1.0 pp")), plan);
    assert_ne!(digest(&GATE.replace("1pp", "2pp")), plan);
    assert_ne!(digest(&GATE.replace("1pp", "1%")), plan);
    // Registered digests must survive later versions of this program. Computed by sha256sum.
    assert_eq!(plan, "sha256:7ea50e1c0092595d437f850bb5427e05b416d3209a79e5b6d75e31646906e784");
}
