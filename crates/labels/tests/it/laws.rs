//! Does the answer depend on the rows alone?

use arrow::array::RecordBatch;
use proptest::prelude::*;

use crate::rows::{DAY_US, HOUR_US, Label, known, labels, made, recoded, resolver, said, show};

const RULES: [&str; 5] = [
    "[default]\nrule = 'latest'",
    "[default]\nrule = 'priority'\norder = ['code', 'human']\nscopes = ['decision', 'step']",
    "[default]\nrule = 'majority'\nmin_votes = 2\nmax_per_annotator = 2",
    "[default]\nrule = 'weighted'\n[default.annotators]\na1 = 0.3\na2 = 0",
    "[default]\nmin_agreement = 0.6\n[label.other]\nrule = 'latest'\nmax_per_annotator = 1",
];
const QUARANTINE: &str =
    "[[entry]]\nannotator_token = 'a2'\nfrom = 1970-01-02\nto = 1970-01-03\nsince = 1970-01-04\nreason = 'r'";

prop_compose! {
    /// Rows among so few decisions, keys, versions and ids that they meet.
    fn label()(
        (tenant, decision, name) in (prop::sample::select(vec!["t", "u"]), 0..3, prop::sample::select(vec!["quality", "other"])),
        (scope, target) in prop::sample::select(vec![("decision", None), ("decision", Some("s")), ("step", Some("s")), ("session", Some("x"))]),
        (value, score) in (prop::option::of(prop::sample::select(vec!["good", "bad"])), prop::option::of(prop::sample::select(vec![0.0, -0.0, 0.5, f64::NAN]))),
        kind in prop::sample::select(vec!["HUMAN", "LLM", "CODE", "SYSTEM"]),
        annotator in prop::option::of(prop::sample::select(vec!["a1", "a2"])),
        identifier in prop::sample::select(vec!["", "i"]),
        (version, id) in (0..3_i64, 0..3),
        op in prop::sample::select(vec!["assert", "assert", "assert", "retract"]),
        confidence in prop::option::of(prop::sample::select(vec![0.0, 0.25, 1.0])),
        (labeled, ingested) in (0..72_i64, 0..96_i64),
    ) -> Label {
        Label {
            tenant, decision: format!("d{decision}"), scope, target, name, value, score, kind, annotator, identifier,
            version, op, id: format!("l{id}"), confidence,
            labeled_us: labeled * HOUR_US, ingested_us: ingested * HOUR_US,
        }
    }
}

fn effective(rules: &str, as_of_us: Option<i64>, batches: &[RecordBatch]) -> RecordBatch {
    let mut resolver = resolver(rules, QUARANTINE, as_of_us);
    batches.iter().for_each(|batch| resolver.add(batch).unwrap());
    resolver.effective(None).unwrap()
}

proptest! {
    #[test]
    fn order_cuts_and_repetition_change_nothing(
        (rows, shuffled) in prop::collection::vec(label(), 0..40).prop_flat_map(|rows| {
            let doubled = [rows.clone(), rows.clone()].concat();
            (Just(rows), Just(doubled).prop_shuffle())
        }),
        cut in 1..20_usize,
        rules in prop::sample::select(RULES.to_vec()),
    ) {
        let whole = effective(rules, None, &[labels(&rows)]);
        let cut = shuffled.chunks(cut).map(|rows| recoded(&labels(rows))).collect::<Vec<_>>();
        prop_assert_eq!(whole, effective(rules, None, &cut));
    }

    #[test]
    fn parts_merge_to_the_whole(
        rows in prop::collection::vec(label(), 0..40),
        (first, second) in (0..40_usize, 0..40_usize),
        rules in prop::sample::select(RULES.to_vec()),
    ) {
        let (first, second) = (first.min(rows.len()), second.min(rows.len()));
        let (first, second) = (first.min(second), first.max(second));
        let part = |range: std::ops::Range<usize>| {
            let mut part = resolver(rules, QUARANTINE, None);
            part.add(&labels(&rows[range])).unwrap();
            part
        };
        let [a, b, c] = [part(0..first), part(first..second), part(second..rows.len())];
        let whole = effective(rules, None, &[labels(&rows)]);
        let mut left = a.clone();
        left.merge(&b);
        left.merge(&c);
        let mut right = c.clone();
        right.merge(&b);
        right.merge(&resolver(rules, QUARANTINE, None));
        right.merge(&a);
        right.merge(&a);
        prop_assert_eq!(&whole, &left.effective(None).unwrap());
        prop_assert_eq!(&whole, &right.effective(None).unwrap());
        prop_assert_eq!(left.account(), part(0..rows.len()).account());
    }

    #[test]
    fn as_of_an_instant_all_is_as_it_was_then(
        rows in prop::collection::vec(label(), 0..40),
        hours in 0..100_i64,
        rules in prop::sample::select(RULES.to_vec()),
    ) {
        let as_of_us = hours * HOUR_US;
        let known = rows.iter().filter(|row| row.ingested_us <= as_of_us).cloned().collect::<Vec<_>>();
        let quarantine = if as_of_us >= 3 * DAY_US { QUARANTINE } else { "" };
        let mut then = resolver(rules, quarantine, None);
        then.add(&labels(&known)).unwrap();
        prop_assert_eq!(effective(rules, Some(as_of_us), &[labels(&rows)]), then.effective(None).unwrap());
    }

    #[test]
    fn what_is_taken_back_stays_so(rows in prop::collection::vec(label(), 0..20), late in 0..5_i64) {
        let retract = Label { op: "retract", version: 9, ..said("d0", "good", 50) };
        let rows = rows.into_iter().filter(|row| row.decision != "d0").collect::<Vec<_>>();
        let older = Label { version: late, ingested_us: 99 * DAY_US, ..said("d0", "bad", 40) };
        let found = effective("", None, &[labels(&[retract]), labels(&rows), labels(&[older])]);
        prop_assert!(show(&found, &["decision_id"]).iter().all(|decision| decision != "d0"));
    }
}

#[test]
fn a_correction_counts_in_place_of_what_was_said() {
    let mut corrected = said("d1", "bad", 5);
    corrected.version = 2;
    let found = effective("", None, &[labels(&[corrected, said("d1", "good", 3), said("d2", "good", 4)])]);
    let columns =
        ["decision_id", "label_name", "value", "n_votes", "agreement", "resolution", "label_id", "annotator_kind"];
    assert_eq!(
        show(&found, &columns),
        ["d1 quality bad 1 1.0 priority l-d1-5 HUMAN", "d2 quality good 1 1.0 priority l-d2-4 HUMAN"]
    );
}

#[test]
fn beyond_the_bound_of_a_day_labels_are_set_aside() {
    let rows = (0..6).map(|i| said(&format!("d{i}"), "good", 20 + i)).collect::<Vec<_>>();
    let found = effective("[default]\nmax_per_annotator = 2", None, &[labels(&rows)]);
    // Hours 20 to 23 are one day, 24 and 25 the next.
    assert_eq!(show(&found, &["decision_id"]), ["d0", "d1", "d4", "d5"]);
    let unnamed = rows.iter().map(|row| Label { annotator: None, ..row.clone() }).collect::<Vec<_>>();
    let found = effective("[default]\nmax_per_annotator = 1", None, &[labels(&unnamed)]);
    assert_eq!(show(&found, &["decision_id"]), ["d0", "d4"]);
}

#[test]
fn a_label_has_matured_when_its_time_has_passed() {
    let matured = |as_of_us| {
        let mut resolver = resolver("[default]\nmaturity = '2d'", "", as_of_us);
        resolver.add(&labels(&[said("d1", "good", 3), said("unknown", "good", 3)])).unwrap();
        show(&resolver.effective(Some(&known(&[made("d1", 1)]))).unwrap(), &["decision_id", "matured"])
    };
    assert_eq!(matured(Some(49 * HOUR_US - 1)), ["d1 false", "unknown -"]);
    assert_eq!(matured(Some(49 * HOUR_US)), ["d1 true", "unknown -"]);
    assert_eq!(matured(None), ["d1 false", "unknown -"], "the newest row is the clock");
}

#[test]
fn bad_rows_are_counted_and_never_guessed() {
    let good = said("d1", "good", 1);
    let rows = [
        Label { op: "delete", ..good.clone() },
        Label { kind: "ALIEN", ..good.clone() },
        Label { scope: "step", target: Some("s"), ..good.clone() },
        Label { kind: "human", ..good },
    ];
    let mut resolver = resolver("", "", None);
    resolver.add(&labels(&rows)).unwrap();
    let account = resolver.account();
    assert_eq!((account.rows, account.unreadable, account.other_scope, resolver.len()), (4, 2, 1, 1));
    let mut without = labels(&rows);
    without.remove_column(0);
    let error = resolver.add(&without).unwrap_err();
    assert_eq!(format!("{} {error}", error.code()), "TG785 stream `labels` has no column tenant_id");
}
