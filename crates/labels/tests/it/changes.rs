//! Do signed changes add up to what stands?

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use proptest::prelude::*;
use tidegate_labels::{Changelog, Decisions};

use crate::rows::{DAY_US, Decision, Label, decisions, decisions_schema, known, labels, made, resolver, said, show};

const RULES: &str = "[default]\nrule = 'latest'\nmaturity = '3d'\n[label.quality]\nevery_decision = true";
const SHOWN: [&str; 6] = ["decision_id", "task_class", "label_name", "labelled", "value", "delta"];

/// A change log that is settled again and again.
struct Settling {
    log: Changelog,
    written: Vec<RecordBatch>,
}

impl Settling {
    fn new() -> Self {
        Self { log: Changelog::new(&known(&[]), None).unwrap(), written: Vec::new() }
    }

    fn settle(&mut self, quarantine: &str, made: &[Decision], said: &[Label]) -> RecordBatch {
        let decisions = known(made);
        let mut resolver = resolver(RULES, quarantine, None);
        resolver.add(&labels(said)).unwrap();
        let state = self.log.state(&decisions, &resolver).unwrap();
        let changes = self.log.changes(&state, self.written.len() as u64).unwrap();
        self.log.replay(&changes).unwrap();
        self.written.push(changes);
        state
    }

    fn last(&self) -> Vec<String> {
        show(self.written.last().unwrap(), &SHOWN)
    }

    /// How often each row stands, if all that was written is added up.
    fn sums(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for batch in &self.written {
            let deltas = show(batch, &["delta"]);
            for (row, delta) in contents(batch).into_iter().zip(deltas) {
                *sums.entry(row).or_default() += delta.parse::<i64>().unwrap();
            }
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }
}

/// Each row with all its columns but the two that say how it is meant.
fn contents(batch: &RecordBatch) -> Vec<String> {
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    show(batch, &names.filter(|name| !["delta", "settlement"].contains(name)).collect::<Vec<_>>())
}

#[test]
fn a_late_label_takes_back_what_stood_and_says_the_new() {
    let mut log = Settling::new();
    log.settle("", &[made("d1", 1), made("d2", 2)], &[said("d9", "good", 3)]);
    assert_eq!(log.last(), ["d1 invoice quality false - 1", "d2 invoice quality false - 1"]);
    let good = said("d1", "good", 9);
    log.settle("", &[made("d1", 1), made("d2", 2)], std::slice::from_ref(&good));
    assert_eq!(log.last(), ["d1 invoice quality false - -1", "d1 invoice quality true good 1"]);
    let bad = Label { version: 2, ..said("d1", "bad", 10) };
    log.settle("", &[made("d1", 1), made("d2", 2)], &[good.clone(), bad.clone()]);
    assert_eq!(log.last(), ["d1 invoice quality true good -1", "d1 invoice quality true bad 1"]);
    log.settle("", &[made("d1", 1), made("d2", 2)], &[good.clone(), bad.clone()]);
    assert!(log.last().is_empty());
    let back = Label { version: 3, op: "retract", ..said("d1", "bad", 11) };
    log.settle("", &[made("d1", 1), made("d2", 2)], &[good, bad, back]);
    assert_eq!(log.last(), ["d1 invoice quality true bad -1", "d1 invoice quality false - 1"]);
}

#[test]
fn a_label_waits_for_its_decision() {
    let mut log = Settling::new();
    let other = Label { name: "other", ..said("d1", "yes", 4) };
    log.settle("", &[], std::slice::from_ref(&other));
    assert!(log.last().is_empty());
    log.settle("", &[made("d1", 1)], std::slice::from_ref(&other));
    assert_eq!(log.last(), ["d1 invoice other true yes 1", "d1 invoice quality false - 1"]);
}

#[test]
fn a_suspicion_takes_back_what_was_said() {
    let mut log = Settling::new();
    let rows = [said("d1", "good", 9)];
    log.settle("", &[made("d1", 1)], &rows);
    let entry = "[[entry]]\nannotator_token = 'ann'\nsince = 1970-02-01\nreason = 'r'";
    log.settle(entry, &[made("d1", 1)], &rows);
    assert_eq!(log.last(), ["d1 invoice quality true good -1", "d1 invoice quality false - 1"]);
}

#[test]
fn a_label_dated_long_before_its_decision_is_not_about_it() {
    let mut log = Settling::new();
    log.settle("", &[made("d1", 100)], &[said("d1", "good", 75)]);
    assert_eq!(log.last(), ["d1 invoice quality false - 1"]);
    log.settle("", &[made("d1", 100)], &[said("d1", "good", 76)]);
    assert_eq!(log.last(), ["d1 invoice quality false - -1", "d1 invoice quality true good 1"]);
}

#[test]
fn what_is_too_old_stands_as_it_is() {
    let mut first = Settling::new();
    first.settle("", &[made("d1", 1), made("d2", 50)], &[]);
    let from_us = Some(2 * DAY_US);
    let mut decided = Decisions::new(&decisions_schema(), None, from_us).unwrap();
    decided.add(&decisions(&[made("d1", 1), made("d2", 50)])).unwrap();
    assert_eq!((decided.len(), decided.too_old()), (1, 1));
    let mut log = Changelog::new(&decided, from_us).unwrap();
    log.replay(&first.written[0]).unwrap();
    let mut resolver = resolver(RULES, "", None);
    resolver.add(&labels(&[said("d1", "good", 60), said("d2", "good", 60)])).unwrap();
    let changes = log.changes(&log.state(&decided, &resolver).unwrap(), 1).unwrap();
    assert_eq!(show(&changes, &SHOWN), ["d2 invoice quality false - -1", "d2 invoice quality true good 1"]);
}

#[test]
fn of_a_decision_that_comes_twice_the_first_counts() {
    let first = made("d1", 1);
    let again = Decision { ingested_us: first.ingested_us + 5, task: "other", ..first.clone() };
    for rows in [[first.clone(), again.clone()], [again, first]] {
        let mut log = Settling::new();
        log.settle("", &rows, &[]);
        assert_eq!(log.last(), ["d1 invoice quality false - 1"]);
    }
}

#[test]
fn changes_that_do_not_follow_are_refused() {
    let mut log = Settling::new();
    log.settle("", &[made("d1", 1)], &[]);
    let again = log.written[0].clone();
    assert_eq!(log.log.replay(&again).unwrap_err().code(), "TG787");
    let narrow = again.project(&[0, 1, 2]).unwrap();
    assert_eq!(log.log.replay(&narrow).unwrap_err().code(), "TG788");
    let named = ["score".to_owned()];
    let error = Decisions::new(&decisions_schema(), Some(&named), None).unwrap_err();
    assert_eq!(error.to_string(), "stream `decisions` has no column score");
}

proptest! {
    #[test]
    fn every_prefix_adds_up_to_what_stands(
        steps in prop::collection::vec((0..6_usize, 0..6_usize, any::<bool>()), 1..8),
        sayings in prop::collection::vec((0..4_i64, 0..3_i64, 0..4_usize), 6 * 8),
    ) {
        let values = ["good", "bad", "fair"];
        let pool = sayings.iter().zip(30..).map(|((decision, version, what), hour)| {
            let value = values.get(*what).copied();
            let op = if value.is_none() { "retract" } else { "assert" };
            let label = said(&format!("d{decision}"), value.unwrap_or("good"), hour);
            Label { version: *version, op, ..label }
        }).collect::<Vec<_>>();
        let mut log = Settling::new();
        let (mut decided, mut labelled) = (0, 0);
        for (more_decisions, more_labels, suspect) in steps {
            decided = (decided + more_decisions).min(4);
            labelled = (labelled + more_labels).min(pool.len());
            let made = (0..decided).map(|i| made(&format!("d{i}"), 1)).collect::<Vec<_>>();
            let quarantine = "[[entry]]\ntenant = 't'\nfrom = 1970-01-02T08:00:00Z\nsince = 1970-02-01\nreason = 'r'";
            let state = log.settle(if suspect { quarantine } else { "" }, &made, &pool[..labelled]);
            let standing = contents(&state).into_iter().map(|row| (row, 1)).collect::<BTreeMap<_, _>>();
            prop_assert_eq!(standing, log.sums());
        }
        // Whoever starts with all that is known comes to the same.
        let made = (0..decided).map(|i| made(&format!("d{i}"), 1)).collect::<Vec<_>>();
        log.settle("", &made, &pool[..labelled]);
        let mut at_once = Settling::new();
        at_once.settle("", &made, &pool[..labelled]);
        prop_assert_eq!(at_once.sums(), log.sums());
    }
}
