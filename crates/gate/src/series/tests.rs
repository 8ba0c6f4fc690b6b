use super::*;
use crate::Row;
use crate::evidence::Evidence;
use crate::file::{Check, GateFile};

fn check() -> Check {
    GateFile::parse("a", crate::file::tests::GATE).unwrap().checks.remove(0)
}

fn row(arm: &str, bucket: &str, start: i64, numbers: Option<(f64, f64)>) -> Row {
    Row {
        arm: Some(arm.into()),
        bucket: Some(bucket.into()),
        window_start_us: Some(start),
        numbers: [numbers.map(|(num, _)| num), numbers.map(|(_, den)| den), None],
        noise: [0.0; 3],
    }
}

/// Windows of ten ticks; the sums after the last, and what is missing.
fn summed(rows: Vec<Row>, as_of_us: i64) -> (Vec<[f64; 3]>, Coverage) {
    walked(&Evidence::from_rows(check().shape(), rows).unwrap(), as_of_us)
}

fn walked(evidence: &Evidence, as_of_us: i64) -> (Vec<[f64; 3]>, Coverage) {
    let arms = [evidence.arm("v2").unwrap(), evidence.arm("v1").unwrap()];
    let mut last = vec![[0.0; 3]; 2];
    let period = Period { since_us: 0, as_of_us, window_us: 10, maturity_us: 5 };
    let coverage = walk(evidence, &arms, period, |_, sums| last = sums.iter().map(|sums| sums.numbers).collect());
    (last, coverage)
}

#[test]
fn windows_count_when_they_are_mature() {
    let some = Some((1.0, 4.0));
    let rows =
        || vec![row("v1", "a", 0, some), row("v2", "a", 0, some), row("v1", "a", 10, some), row("v2", "a", 10, some)];
    assert_eq!(summed(rows(), 24).0, [[1.0, 4.0, 0.0]; 2]);
    assert_eq!(summed(rows(), 25).0, [[2.0, 8.0, 0.0]; 2]);
    assert_eq!(summed(rows(), 25).1, Coverage { windows: 2, withheld: 0.0, expected: 4.0 });
}

#[test]
fn a_window_that_one_arm_lacks_is_left_out_of_both() {
    let some = Some((1.0, 4.0));
    let missing = vec![row("v1", "a", 0, some), row("v2", "a", 0, some), row("v1", "a", 10, Some((9.0, 9.0)))];
    let (sums, coverage) = summed(missing.clone(), 25);
    assert_eq!((sums, coverage.withheld_share()), (vec![[1.0, 4.0, 0.0]; 2], 0.5));
    // The same where the row is there and its numbers are not.
    let withheld = [missing, vec![row("v2", "a", 10, None)]].concat();
    assert_eq!(summed(withheld, 25).1.withheld_share(), 0.5);
}

/// v1 was too small in the second window, and its third row counts both.
#[test]
fn what_is_carried_is_waited_for() {
    let rows = vec![
        row("v1", "a", 0, Some((1.0, 4.0))),
        row("v2", "a", 0, Some((1.0, 4.0))),
        row("v2", "a", 10, Some((2.0, 4.0))),
        row("v1", "a", 20, Some((3.0, 8.0))),
        row("v2", "a", 20, Some((1.0, 4.0))),
    ];
    let carried = Evidence::from_rows(check().shape(), rows.clone()).unwrap().carried();
    let (sums, coverage) = walked(&carried, 25);
    assert_eq!((sums, coverage.withheld_share()), (vec![[1.0, 4.0, 0.0]; 2], 0.5), "still waiting");
    let (sums, coverage) = walked(&carried, 35);
    assert_eq!(sums, [[4.0, 12.0, 0.0]; 2]);
    assert_eq!(coverage, Coverage { windows: 3, withheld: 0.0, expected: 6.0 });
    assert_eq!(summed(rows, 35).0, [[2.0, 8.0, 0.0], [4.0, 12.0, 0.0]], "as if nothing were carried");
}

#[test]
fn a_bucket_that_one_arm_lacks_is_left_out_of_both() {
    let some = Some((1.0, 4.0));
    let rows = vec![row("v1", "a", 0, some), row("v1", "b", 0, some), row("v2", "a", 0, some), row("v2", "b", 0, None)];
    let (sums, coverage) = summed(rows, 15);
    assert_eq!((sums, coverage.withheld_share()), (vec![[1.0, 4.0, 0.0]; 2], 0.5));
}

/// What is withheld of a third arm says nothing of the two that count.
#[test]
fn other_arms_hide_nothing() {
    let some = Some((1.0, 4.0));
    let rows = vec![row("v1", "a", 0, some), row("v2", "a", 0, some), row("held_back", "a", 0, None)];
    let (sums, coverage) = summed(rows, 15);
    assert_eq!((sums, coverage.withheld_share()), (vec![[1.0, 4.0, 0.0]; 2], 0.0));
}

#[test]
fn windows_of_which_nothing_was_heard_are_missing() {
    let some = Some((1.0, 4.0));
    let (_, coverage) = summed(vec![row("v1", "a", 0, some), row("v2", "a", 0, some)], 45);
    assert_eq!((coverage.windows, coverage.withheld_share()), (1, 0.75));
}
