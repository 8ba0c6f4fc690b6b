use super::*;
use crate::evidence::Cell;
use crate::file::tests::GATE;

mod simulation;

/// Spreads the counts of an arm over `windows` days and two buckets.
fn arm(name: &str, num: u64, den: u64, windows: u64) -> Vec<Cell> {
    let share = |total: u64, i: u64| total * (i + 1) / (windows * 2) - total * i / (windows * 2);
    (0..windows * 2)
        .map(|i| {
            let den = share(den, i);
            Cell {
                arm: name.into(),
                bucket: (i % 2).to_string(),
                window_start_us: (i / 2) as i64 * 86_400_000_000,
                num: share(num, i).min(den),
                den,
            }
        })
        .collect()
}

fn evidence(control: (u64, u64), treatment: (u64, u64), windows: u64) -> Evidence {
    let mut cells = arm("v1", control.0, control.1, windows);
    cells.extend(arm("v2", treatment.0, treatment.1, windows));
    Evidence::new(cells).unwrap()
}

fn gate(from: &str, to: &str) -> GateFile {
    GateFile::parse("gates/a.yaml", &GATE.replace(from, to)).unwrap()
}

fn example() -> GateFile {
    gate("", "")
}

fn check(gate: &GateFile, evidence: &Evidence, status: Status, reason: &str) -> Verdict {
    let verdict = decide(gate, evidence);
    assert_eq!((verdict.verdict, verdict.reason.as_str()), (status, reason), "{verdict:#?}");
    for text in [&verdict.what_happened, &verdict.why, &verdict.what_changed, &verdict.what_next] {
        assert!(!text.is_empty());
    }
    verdict
}

#[test]
fn a_version_within_the_margin_passes() {
    let verdict = check(
        &example(),
        &evidence((6000, 60000), (6030, 60000), 7),
        Status::Pass,
        "edit_rate: +0.05 percentage points, shown to be less than 1pp worse (p below 0.0001, alpha 0.05)",
    );
    assert_eq!(verdict.exit_code(), 0);
    assert_eq!(verdict.what_next, "promote v2");
    let interval = verdict.checks[0].interval.as_ref().unwrap();
    assert!(interval.high.unwrap() < 0.01 && (interval.level - 0.9).abs() < 1e-12);
}

#[test]
fn a_version_beyond_the_margin_fails() {
    let verdict = check(
        &example(),
        &evidence((2000, 20000), (2400, 20000), 7),
        Status::Fail,
        "edit_rate: +2.00 percentage points, shown to be more than 1pp worse (p 0.0007, alpha 0.05)",
    );
    assert_eq!(verdict.exit_code(), 5);
    assert_eq!(verdict.what_next, "keep v1 and roll v2 back");
    assert!(verdict.checks[0].interval.as_ref().unwrap().low > 0.01);
}

#[test]
fn at_the_margin_nothing_is_decided() {
    let verdict = check(
        &example(),
        &evidence((2000, 20000), (2200, 20000), 7),
        Status::Inconclusive,
        "edit_rate: +1.00 percentage points, neither less nor more than 1pp worse is shown \
         (p 0.500 and 0.500, alpha 0.05)",
    );
    assert_eq!(verdict.exit_code(), 4);
    assert_eq!(
        verdict.what_next,
        "keep v1; do not read this gate again, register a new version with a later horizon; \
         power 0.8 needs about 11621 events per arm"
    );
}

#[test]
fn before_the_horizon_nothing_is_read() {
    for (control, treatment, windows, reason) in [
        ((800, 8000), (805, 8050), 5, "12000 events of v1, 11950 events of v2 and 2 windows missing"),
        ((2000, 20000), (1999, 19999), 7, "1 event of v2 missing"),
        ((9000, 90000), (0, 90000), 6, "1 window missing"),
        ((0, 0), (0, 0), 7, "20000 events of v1 and 20000 events of v2 missing"),
    ] {
        let reason = format!("edit_rate: the planned horizon is not reached, {reason}");
        let verdict = check(&example(), &evidence(control, treatment, windows), Status::Continue, &reason);
        let read = &verdict.checks[0];
        assert!(read.z.is_none() && read.p_value.is_none() && read.interval.is_none());
        assert_eq!(verdict.exit_code(), 3);
    }
}

#[test]
fn a_plan_that_is_too_short_is_said_while_it_runs() {
    let gate = gate("20000", "5000");
    let verdict = decide(&gate, &evidence((400, 4000), (400, 4000), 7));
    assert_eq!(
        verdict.what_next,
        "collect 1000 events of v1 and 1000 events of v2 more; the plan of 5000 events per arm is short of the \
         11129 that power 0.8 needs at the overall rate"
    );
}

#[test]
fn higher_is_better_turns_harm_around() {
    let kept = gate("lower_is_better", "higher_is_better");
    for (treatment, status) in [
        ((18000, 20000), Status::Pass),
        ((19000, 20000), Status::Pass),
        ((17800, 20000), Status::Inconclusive),
        ((17500, 20000), Status::Fail),
    ] {
        let verdict = decide(&kept, &evidence((18000, 20000), treatment, 7));
        assert_eq!(verdict.verdict, status, "{treatment:?}: {}", verdict.reason);
    }
}

#[test]
fn a_relative_margin_is_tested_as_a_ratio() {
    let relative = gate("1pp", "10%");
    for (treatment, status) in
        [((2000, 20000), Status::Pass), ((2200, 20000), Status::Inconclusive), ((2500, 20000), Status::Fail)]
    {
        let verdict = decide(&relative, &evidence((2000, 20000), treatment, 7));
        assert_eq!(verdict.verdict, status, "{treatment:?}: {}", verdict.reason);
        let read = &verdict.checks[0];
        assert!((read.threshold.margin_absolute.unwrap() - 0.01).abs() < 1e-12);
        let interval = read.interval.as_ref().unwrap();
        assert_eq!(read.p_value.unwrap() < 0.05, interval.high.unwrap() < 0.1);
    }
    let nothing = decide(&relative, &evidence((0, 20000), (0, 20000), 7));
    assert_eq!(nothing.verdict, Status::Inconclusive);
    assert_eq!(nothing.checks[0].interval.as_ref().unwrap().high, None);
}

#[test]
fn missing_evidence_is_an_error() {
    let none = Evidence::default();
    let verdict = check(&example(), &none, Status::Error, "the evidence has no row of arm v1; arms seen: none");
    assert_eq!((verdict.exit_code(), verdict.checks.len()), (1, 0));

    let one = Evidence::new(arm("v1", 6000, 60000, 7)).unwrap();
    check(&example(), &one, Status::Error, "the evidence has no row of arm v2; arms seen: v1");

    let mut cells = arm("v1", 6000, 60000, 8);
    cells.extend(arm("v2", 6000, 60000, 7));
    let reason = "1 window with rows of one arm only, the first is 1970-01-08T00:00:00Z, without arm v2";
    check(&example(), &Evidence::new(cells).unwrap(), Status::Error, reason);

    let mut cells = arm("v1", 0, 20000, 7);
    cells.extend(arm("v2", 0, 20000, 7));
    cells[0].den = u64::MAX;
    let reason = "the counts of arm v1 exceed 64 bits";
    check(&example(), &Evidence::new(cells).unwrap(), Status::Error, reason);
}

#[test]
fn too_few_buckets_never_pass() {
    let gate = gate("min_buckets: 2", "min_buckets: 3");
    let verdict = check(
        &gate,
        &evidence((6000, 60000), (6030, 60000), 7),
        Status::Inconclusive,
        "edit_rate: events come from 2 and 2 buckets (v1, v2), fewer than the 3 planned",
    );
    assert_eq!(verdict.why, "too few buckets do not speak for everybody");
}

#[test]
fn other_arms_are_left_out_and_counted() {
    let mut cells = evidence((6000, 60000), (6030, 60000), 7).cells().to_vec();
    cells.extend(arm("v3", 9, 9, 2));
    let verdict = decide(&example(), &Evidence::new(cells).unwrap());
    assert_eq!(verdict.verdict, Status::Pass);
    assert_eq!(verdict.ignored_rows.get("v3"), Some(&4));
    assert!(verdict.what_happened.ends_with("; 4 rows of other arms left out (v3)"), "{}", verdict.what_happened);
}

#[test]
fn more_harm_never_leads_to_a_better_verdict() {
    for margin in ["1pp", "10%"] {
        let gate = gate("1pp", margin);
        let mut last = Status::Pass;
        for num in (1500..=3000).step_by(25) {
            let now = decide(&gate, &evidence((2000, 20000), (num, 20000), 7)).verdict;
            let rank = |status| [Status::Pass, Status::Inconclusive, Status::Fail].iter().position(|s| *s == status);
            assert!(rank(now) >= rank(last), "{margin}: {now:?} at {num} after {last:?}");
            last = now;
        }
        assert_eq!(last, Status::Fail);
    }
}

#[test]
fn a_verdict_is_json_with_the_four_questions() {
    let verdict = decide(&example(), &evidence((6000, 60000), (6030, 60000), 7));
    let json = serde_json::to_value(&verdict).unwrap();
    for name in ["gate", "version", "digest", "verdict", "reason", "what_happened", "why", "what_changed", "what_next"]
    {
        assert!(!json[name].is_null(), "{name}");
    }
    assert_eq!(json["verdict"], "PASS");
    let read = &json["checks"][0];
    assert_eq!(read["observed"]["treatment"]["num"], 6030);
    assert_eq!(read["n"]["control"], 60000);
    assert_eq!(read["interval"]["of"], "difference");
    assert_eq!((&read["windows"], &read["buckets"]["treatment"]), (&7.into(), &2.into()));
    let again = decide(&example(), &evidence((6000, 60000), (6030, 60000), 7));
    assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&verdict).unwrap());
}
