//! Silence is never success: everything that may be missing, one by one, with its name and exit code.

use super::*;
use crate::Error;

/// A gate all of whose parts would pass, with every trust check.
fn trusting() -> GateFile {
    let trust = "trust:\n  - sample_ratio: { signal: units, share: 50% }\n  - one_exposure: { signal: crossed }\n  \
                 - equal_label_delay: { signal: labels }\n  - open_ledger\n  - schema_unchanged";
    gate("trust:\n  - schema_unchanged", &format!("cohort: {{ min_units: 500 }}\n{trust}"))
}

fn one(arm: Option<&str>, numbers: [f64; 2]) -> Row {
    Row {
        arm: arm.map(str::to_owned),
        window_start_us: Some(13 * DAY),
        numbers: [Some(numbers[0]), Some(numbers[1]), None],
        ..Row::default()
    }
}

fn good(gate: &GateFile) -> Facts {
    let mut facts = facts(gate, 14, &both(14, 400.0, 402.0));
    let rows = [
        vec![one(Some("v1"), [1000.0, 0.0]), one(Some("v2"), [1010.0, 0.0])],
        vec![one(None, [0.0, 2000.0])],
        vec![one(Some("v1"), [900.0, 1000.0]), one(Some("v2"), [905.0, 1000.0])],
    ];
    let evidence = gate.trust.iter().zip(rows).map(|(trust, rows)| read_trust(trust, rows));
    facts.trust = evidence.chain([None, None]).collect();
    facts
}

fn read_trust(trust: &crate::file::Trust, rows: Vec<Row>) -> Option<Result<Evidence>> {
    trust.shape().map(|shape| Evidence::from_rows(shape, rows))
}

fn read(gate: &GateFile, facts: &mut Facts, rows: Vec<Row>) {
    facts.checks = vec![Evidence::from_rows(gate.checks[0].shape(), rows)];
}

/// Both arms with the same numbers every day.
fn alike(hits: Option<f64>, n: Option<f64>) -> Vec<Row> {
    let mut rows = both(14, 0.0, 0.0);
    rows.iter_mut().for_each(|row| row.numbers = [hits, n, None]);
    rows
}

/// What happens to the facts, and what the gate must say of it.
type Case = (&'static str, fn(&GateFile, &mut Facts), Status, &'static str);

const CASES: &[Case] = &[
    ("nothing was released", |gate, facts| read(gate, facts, Vec::new()), Status::Error, "missing_data"),
    ("an arm has no row", |gate, facts| read(gate, facts, days("v1", 0..14, 4.0, 40.0)), Status::Error, "missing_arm"),
    (
        "the metric failed",
        |_, facts| facts.checks = vec![Err(Error::Unreadable("division by zero".into()))],
        Status::Error,
        "unreadable",
    ),
    (
        "a column is missing",
        |_, facts| facts.checks = vec![Err(Error::MissingColumns { missing: vec!["den"], wanted: vec!["num", "den"] })],
        Status::Error,
        "missing_columns",
    ),
    (
        "the treatment stopped",
        |gate, facts| read(gate, facts, [days("v1", 0..14, 400.0, 4e3), days("v2", 0..10, 402.0, 4e3)].concat()),
        Status::Error,
        "stopped_arm",
    ),
    ("the clock went back", |_, facts| facts.judged_as_of_us = Some(15 * DAY), Status::Error, "clock_jump"),
    (
        "the clock went far ahead",
        |gate, facts| {
            read(gate, facts, both(2, 400.0, 402.0));
            facts.as_of_us = 9000 * DAY;
        },
        Status::Inconclusive,
        "withheld",
    ),
    ("every cell is withheld", |gate, facts| read(gate, facts, alike(None, None)), Status::Inconclusive, "withheld"),
    (
        "a third of the cells is withheld",
        |gate, facts| {
            let mut rows = both(14, 400.0, 402.0);
            rows.iter_mut().step_by(3).for_each(|row| row.numbers = [None; 3]);
            read(gate, facts, rows);
        },
        Status::Inconclusive,
        "withheld",
    ),
    (
        "there was no traffic",
        |gate, facts| read(gate, facts, alike(Some(0.0), Some(0.0))),
        Status::Inconclusive,
        "no_traffic",
    ),
    (
        "there was little traffic",
        |gate, facts| read(gate, facts, alike(Some(0.0), Some(1.0))),
        Status::Inconclusive,
        "too_few_events",
    ),
    (
        "a definition changed",
        |_, facts| facts.changed_signals = vec!["edit_rate".into()],
        Status::Inconclusive,
        "schema_changed",
    ),
    (
        "the budget is spent",
        |_, facts| facts.unpaid_days = vec!["edits, 2026-01-05".into()],
        Status::Inconclusive,
        "ledger_closed",
    ),
    (
        "arms have other shares",
        |gate, facts| {
            let rows = vec![one(Some("v1"), [1000.0, 0.0]), one(Some("v2"), [1400.0, 0.0])];
            facts.trust[0] = read_trust(&gate.trust[0], rows);
        },
        Status::Inconclusive,
        "sample_ratio",
    ),
    (
        "the cohort is small",
        |gate, facts| {
            let rows = vec![one(Some("v1"), [100.0, 0.0]), one(Some("v2"), [100.0, 0.0])];
            facts.trust[0] = read_trust(&gate.trust[0], rows);
        },
        Status::Inconclusive,
        "small_cohort",
    ),
    (
        "units saw both arms",
        |gate, facts| facts.trust[1] = read_trust(&gate.trust[1], vec![one(None, [3.0, 2000.0])]),
        Status::Inconclusive,
        "crossed_units",
    ),
    (
        "labels are late in one arm",
        |gate, facts| {
            let rows = vec![one(Some("v1"), [900.0, 1000.0]), one(Some("v2"), [600.0, 1000.0])];
            facts.trust[2] = read_trust(&gate.trust[2], rows);
        },
        Status::Inconclusive,
        "unequal_labels",
    ),
    (
        "units were counted long ago",
        |gate, facts| {
            let mut rows = vec![one(Some("v1"), [1000.0, 0.0]), one(Some("v2"), [1010.0, 0.0])];
            rows.iter_mut().for_each(|row| row.window_start_us = Some(2 * DAY));
            facts.trust[0] = read_trust(&gate.trust[0], rows);
        },
        Status::Inconclusive,
        "no_window",
    ),
    (
        "no unit was seen",
        |gate, facts| {
            let rows = vec![one(Some("v1"), [0.0, 0.0]), one(Some("v2"), [0.0, 0.0])];
            facts.trust[0] = read_trust(&gate.trust[0], rows);
        },
        Status::Inconclusive,
        "no_traffic",
    ),
    ("nobody counted units", |_, facts| facts.trust[0] = Some(Err(Error::NoEvidence)), Status::Error, "missing_data"),
    ("the numbers are no counts", |gate, facts| read(gate, facts, both(14, 400.5, 402.0)), Status::Error, "no_count"),
    ("hits exceed events", |gate, facts| read(gate, facts, both(14, 4001.0, 402.0)), Status::Error, "part_above_whole"),
];

#[test]
fn what_is_missing_is_named_and_never_a_success() {
    let gate = trusting();
    let verdict = decide(&gate, &good(&gate));
    assert_eq!(verdict.verdict, Status::Pass, "{verdict:#?}");
    for (what, change, status, cause) in CASES {
        let mut facts = good(&gate);
        change(&gate, &mut facts);
        let verdict = decide(&gate, &facts);
        assert_eq!((verdict.verdict, verdict.cause), (*status, *cause), "{what}: {verdict:#?}");
        assert_ne!(verdict.exit_code(), 0, "{what}");
    }
}

/// A limit is not kept in windows of which nothing was heard, and its answer has no number, not even in an error.
#[test]
fn hard_limits_are_not_kept_by_silence() {
    let limit = "  - name: unsafe\n    signal: unsafe\n    direction: lower_is_better\n    \
                 test: { hard_limit: { limit: 20% } }\n";
    let gate = GateFile::parse("a", &format!("{GATE}{limit}")).unwrap();
    let judge = |rows: Vec<Row>| {
        let mut facts = facts(&gate, 14, &both(14, 400.0, 402.0));
        facts.checks[1] = Evidence::from_rows(gate.checks[1].shape(), rows);
        decide(&gate, &facts)
    };
    let quiet = judge(days("v2", 0..1, 400.0, 4000.0));
    assert_eq!((quiet.verdict, quiet.cause), (Status::Inconclusive, "withheld"));
    let wrong = judge(days("v2", 0..14, 400.5, 4000.0));
    assert_eq!((wrong.verdict, wrong.checks[1].reason.as_str()), (Status::Error, "unsafe: no_count (TG622)"));
}

/// A breach is told even where everything else is broken.
#[test]
fn harm_is_graver_than_any_error() {
    let gate = trusting();
    let mut facts = good(&gate);
    facts.trust[0] = Some(Err(Error::NoEvidence));
    read(&gate, &mut facts, both(14, 400.0, 600.0));
    assert_eq!(decide(&gate, &facts).cause, "harm");
}
