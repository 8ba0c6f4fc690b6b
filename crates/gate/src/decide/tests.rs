use super::*;
use crate::evidence::{Evidence, Row};
use crate::file::Span;
use crate::file::tests::GATE;

mod silence;
mod simulation;

const DAY: i64 = Span::DAY.0;

/// `n` events and `hits` of them in each of some days, in one bucket.
fn days(arm: &str, days: std::ops::Range<i64>, hits: f64, n: f64) -> Vec<Row> {
    let day = |day: i64| Row {
        arm: Some(arm.into()),
        bucket: Some("0".into()),
        window_start_us: Some(day * DAY),
        numbers: [Some(hits), Some(n), None],
        noise: [0.0; 3],
    };
    days.map(day).collect()
}

fn gate(from: &str, to: &str) -> GateFile {
    assert!(GATE.contains(from), "{from}");
    GateFile::parse("gates/a.yaml", &GATE.replace(from, to)).unwrap()
}

fn facts(gate: &GateFile, as_of_day: i64, rows: &[Row]) -> Facts {
    let evidence = |check: &crate::file::Check| Evidence::from_rows(check.shape(), rows.to_vec());
    Facts {
        as_of_us: as_of_day * DAY,
        since_us: Some(0),
        checks: gate.checks.iter().map(evidence).collect(),
        trust: gate.trust.iter().map(|_| None).collect(),
        ..Facts::default()
    }
}

/// Both arms with 4,000 events a day, and so many hits of them.
fn both(as_of_day: i64, control: f64, treatment: f64) -> Vec<Row> {
    [days("v1", 0..as_of_day, control, 4000.0), days("v2", 0..as_of_day, treatment, 4000.0)].concat()
}

fn check(gate: &GateFile, facts: &Facts, status: Status, cause: &str, reason: &str) -> Verdict {
    let verdict = decide(gate, facts);
    assert_eq!((verdict.verdict, verdict.cause), (status, cause), "{verdict:#?}");
    assert!(verdict.reason.contains(reason), "{}", verdict.reason);
    for text in [&verdict.what_happened, &verdict.why, &verdict.what_changed, &verdict.what_next] {
        assert!(!text.is_empty());
    }
    verdict
}

fn plain() -> GateFile {
    gate("", "")
}

#[test]
fn a_version_within_the_margin_passes() {
    let gate = plain();
    let verdict = check(&gate, &facts(&gate, 14, &both(14, 400.0, 402.0)), Status::Pass, "shown", "1 check shown");
    assert_eq!((verdict.exit_code(), verdict.what_next.as_str()), (0, "promote v2 to general"));
    assert_eq!(verdict.checks[0].reason, "edit_rate: +0.05 percentage points, shown to be less than 1pp worse");
    let numbers = verdict.checks[0].numbers.as_ref().unwrap();
    assert!(numbers.interval.high < 0.01 && numbers.z.unwrap() > numbers.boundary.unwrap() && numbers.looks == 13);
}

#[test]
fn a_version_that_does_harm_fails_as_soon_as_it_shows() {
    let gate = plain();
    let verdict = check(&gate, &facts(&gate, 1, &both(1, 400.0, 600.0)), Status::Fail, "harm", "harm is shown since");
    assert_eq!((verdict.exit_code(), verdict.what_next.as_str()), (5, "roll v2 back from canary"));
    // It stays found, however well the later days look.
    let later = [both(1, 400.0, 600.0), days("v1", 1..14, 400.0, 4000.0), days("v2", 1..14, 380.0, 4000.0)].concat();
    check(&gate, &facts(&gate, 14, &later), Status::Fail, "harm", "since 1970-01-02T00:00:00Z");
}

#[test]
fn nothing_passes_before_its_time() {
    let gate = plain();
    let verdict =
        check(&gate, &facts(&gate, 1, &both(1, 400.0, 300.0)), Status::Continue, "too_early", "not judged before 2d");
    assert_eq!(verdict.exit_code(), 3);
}

#[test]
fn at_the_margin_nothing_is_shown_and_time_is_no_evidence() {
    let gate = plain();
    let at = |day| facts(&gate, day, &both(day.min(14), 400.0, 440.0));
    check(&gate, &at(7), Status::Continue, "not_shown", "needs");
    let verdict = check(&gate, &at(14), Status::Inconclusive, "not_shown", "not shown to be less than 1pp worse");
    assert_eq!((verdict.exit_code(), verdict.progress.days), (4, 14.0));
    // What comes after the longest time is not looked at.
    let late = [both(14, 400.0, 440.0), days("v1", 14..40, 400.0, 4000.0), days("v2", 14..40, 200.0, 4000.0)].concat();
    check(&gate, &facts(&gate, 40, &late), Status::Inconclusive, "not_shown", "");
}

#[test]
fn higher_may_be_better() {
    let gate = gate("lower_is_better", "higher_is_better");
    check(&gate, &facts(&gate, 14, &both(14, 3600.0, 3598.0)), Status::Pass, "shown", "");
    check(&gate, &facts(&gate, 14, &both(14, 3600.0, 3400.0)), Status::Fail, "harm", "");
}

#[test]
fn a_relative_margin_is_of_the_controls_rate() {
    let ten_percent = gate("1pp", "10%");
    check(&ten_percent, &facts(&ten_percent, 14, &both(14, 400.0, 402.0)), Status::Pass, "shown", "");
    let one_percent = gate("1pp", "1%");
    check(
        &one_percent,
        &facts(&one_percent, 14, &both(14, 400.0, 402.0)),
        Status::Inconclusive,
        "not_shown",
        "% of the control",
    );
}

#[test]
fn superiority_is_to_be_shown() {
    let gate = gate("non_inferior: { margin: 1pp }", "superior: { expect: 1pp }");
    check(&gate, &facts(&gate, 14, &both(14, 400.0, 340.0)), Status::Pass, "shown", "");
    check(
        &gate,
        &facts(&gate, 14, &both(14, 400.0, 400.0)),
        Status::Inconclusive,
        "not_shown",
        "not shown to be better",
    );
    check(&gate, &facts(&gate, 14, &both(14, 400.0, 460.0)), Status::Fail, "harm", "");
}

#[test]
fn a_limit_is_of_the_treatment_alone() {
    let gate = gate("non_inferior: { margin: 1pp }", "below: { limit: 12%, expect: 10% }");
    check(&gate, &facts(&gate, 14, &days("v2", 0..14, 400.0, 4000.0)), Status::Pass, "shown", "");
    check(
        &gate,
        &facts(&gate, 14, &days("v2", 0..14, 480.0, 4000.0)),
        Status::Inconclusive,
        "not_shown",
        "below 12.00 %",
    );
    check(&gate, &facts(&gate, 14, &days("v2", 0..14, 600.0, 4000.0)), Status::Fail, "harm", "");
}

#[test]
fn a_hard_limit_needs_no_statistics_and_shows_no_number() {
    let limit = "  - name: violations\n    signal: violations\n    direction: lower_is_better\n    \
                 test: { hard_limit: { limit: 10.1% } }\n";
    let gate = GateFile::parse("a", &format!("{GATE}{limit}")).unwrap();
    check(&gate, &facts(&gate, 14, &both(14, 400.0, 402.0)), Status::Pass, "shown", "1 check shown, 1 hard limit kept");
    let verdict = check(&gate, &facts(&gate, 1, &both(1, 400.0, 405.0)), Status::Fail, "hard_limit", "exceeded");
    let text = serde_json::to_string(&verdict.checks[1]).unwrap();
    assert!(verdict.checks[1].numbers.is_none() && !text.contains("405") && !text.contains("10.12"), "{text}");
}

/// Of historical traces those days count on which the treatment was asked, whatever the control has besides.
#[test]
fn historical_traces_are_as_long_as_the_treatments() {
    let local = GATE.replace("from: canary, to: general, ramp: [5%, 50%]", "from: local, to: shadow");
    let gate = GateFile::parse("a", &local).unwrap();
    let rows = [days("v1", 0..40, 400.0, 4000.0), days("v2", 10..20, 402.0, 4000.0)].concat();
    let facts = Facts { since_us: None, ..facts(&gate, 40, &rows) };
    let verdict = check(&gate, &facts, Status::Pass, "shown", "");
    assert_eq!((verdict.progress.days, verdict.since.as_deref()), (10.0, Some("1970-01-11T00:00:00Z")));
}

#[test]
fn buckets_measure_what_events_do_not() {
    let clustered = |analysis: &str| {
        let gate = gate("analysis: events", analysis);
        let rows = (0..14).flat_map(|day| {
            (0..32).flat_map(move |bucket| {
                ["v1", "v2"].map(|arm| {
                    // Every other bucket has twice the rate of the others.
                    let hits = if bucket % 2 == 0 { 20.0 } else { 5.0 };
                    Row { bucket: Some(format!("{bucket}")), ..days(arm, day..day + 1, hits, 125.0).remove(0) }
                })
            })
        });
        decide(&gate, &facts(&gate, 14, &rows.collect::<Vec<_>>()))
    };
    assert_eq!(clustered("analysis: events").verdict, Status::Pass);
    let buckets = clustered("analysis: buckets, buckets: 32");
    assert_eq!((buckets.verdict, buckets.cause), (Status::Inconclusive, "not_shown"), "{buckets:#?}");
}

#[test]
fn pairs_are_judged_by_those_that_differ() {
    let gate = gate("direction: lower_is_better", "kind: paired\n    direction: higher_is_better");
    let pairs = |gained: f64, lost: f64| {
        let day = |day| Row {
            arm: None,
            numbers: [Some(gained), Some(1000.0), Some(lost)],
            ..days("", day..day + 1, 0.0, 0.0).remove(0)
        };
        facts(&gate, 14, &(0..14).map(day).collect::<Vec<_>>())
    };
    check(&gate, &pairs(10.0, 10.0), Status::Pass, "shown", "");
    check(&gate, &pairs(10.0, 60.0), Status::Fail, "harm", "");
}

#[test]
fn noise_is_in_the_variance() {
    let gate = plain();
    let noised = |stddev: f64| {
        let mut rows = both(14, 400.0, 402.0);
        rows.iter_mut().for_each(|row| row.noise = [stddev, stddev, 0.0]);
        decide(&gate, &facts(&gate, 14, &rows))
    };
    assert_eq!(noised(2.0).verdict, Status::Pass);
    let loud = noised(150.0);
    assert_eq!((loud.verdict, loud.cause), (Status::Inconclusive, "not_shown"), "{loud:#?}");
    assert!(loud.checks[0].numbers.as_ref().unwrap().noise_share > 0.5);
}

/// Two success metrics share alpha: neither has half of what it would have alone, and one that is shown gives its share on.
#[test]
fn success_metrics_share_alpha_by_holms_rule() {
    let superior = "test: { superior: { expect: 1pp } }";
    let text = GATE.replace("test: { non_inferior: { margin: 1pp } }", superior);
    let second = format!("  - name: other\n    signal: other\n    direction: lower_is_better\n    {superior}\n");
    let gate = GateFile::parse("a", &format!("{text}{second}decide: {{ promote: any_superior }}\n")).unwrap();
    let judge = |first: f64, second: f64| {
        let mut facts = facts(&gate, 14, &[]);
        facts.checks =
            [first, second].map(|hits| Evidence::from_rows(gate.checks[0].shape(), both(14, 400.0, hits))).into();
        let verdict = decide(&gate, &facts);
        let alphas = verdict.checks.iter().map(|check| check.numbers.as_ref().unwrap().alpha).collect::<Vec<_>>();
        (verdict.verdict, alphas)
    };
    assert_eq!(judge(400.0, 400.0), (Status::Inconclusive, vec![0.025, 0.025]));
    assert_eq!(judge(340.0, 400.0), (Status::Pass, vec![0.025, 0.05]));
    assert_eq!(judge(340.0, 460.0).0, Status::Fail);
}
