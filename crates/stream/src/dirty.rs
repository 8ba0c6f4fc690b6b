//! Which days of a signal must be released again? A pure function of its history.

use std::collections::BTreeMap;

use tidegate_algebra::Panes;

use crate::commit::ReleaseEntry;
use crate::history::SignalHistory;

const DAY_US: i64 = 86_400_000_000;

/// A day whose released rows may have changed, and on what they would stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Basis {
    /// The last record that touched the day's state.
    pub(crate) through_record: u64,
    /// Windows of the day that start at or before this instant are closed.
    pub(crate) closed_us: Option<i64>,
}

/// The days of a signal whose state or closed windows went beyond `released`.
///
/// `window_us` is the length of its windows; a signal without windows has the one day `None`.
pub(crate) fn dirty_days(
    signal: &SignalHistory,
    window_us: Option<i64>,
    closed: &Panes,
    code_hash: &str,
    released: &BTreeMap<Option<i32>, &ReleaseEntry>,
) -> BTreeMap<Option<i32>, Basis> {
    let mut days = BTreeMap::new();
    for (record, state) in &signal.states {
        match window_us {
            None => {
                days.insert(None, Basis { through_record: *record, closed_us: None });
            }
            Some(size) => {
                for &day in &state.days {
                    if let Some(closed_us) = closed_in(day, size, closed) {
                        days.insert(Some(day), Basis { through_record: *record, closed_us: Some(closed_us) });
                    }
                }
            }
        }
    }
    days.retain(|day, basis| match released.get(day) {
        None => true,
        Some(entry) => {
            entry.code_hash != code_hash
                || entry.through_record < basis.through_record
                || entry.closed_us < basis.closed_us
        }
    });
    days
}

/// The latest start of a closed window in `day`, if any window of the day can be closed.
fn closed_in(day: i32, size_us: i64, closed: &Panes) -> Option<i64> {
    let by_watermark = closed.watermark_us.map(|watermark| watermark.saturating_sub(size_us));
    let latest = by_watermark.max(closed.sealed_us)?;
    let start = i64::from(day).saturating_mul(DAY_US);
    (latest >= start).then(|| latest.min(start.saturating_add(DAY_US - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::StateFile;

    const HOUR_US: i64 = 3_600_000_000;

    fn state(days: &[i32]) -> StateFile {
        StateFile { path: String::new(), sha256: String::new(), bytes: 0, rows: 0, days: days.to_vec() }
    }

    fn history(states: &[(u64, &[i32])]) -> SignalHistory {
        let states = states.iter().map(|(record, days)| (*record, state(days))).collect();
        SignalHistory { states, ..SignalHistory::default() }
    }

    fn watermark(watermark_us: i64) -> Panes {
        Panes { watermark_us: Some(watermark_us), ..Panes::default() }
    }

    #[test]
    fn a_day_is_due_when_its_first_window_closes() {
        let history = history(&[(3, &[0, 1])]);
        let none = BTreeMap::new();
        assert!(dirty_days(&history, Some(HOUR_US), &watermark(HOUR_US - 1), "h", &none).is_empty());
        let days = dirty_days(&history, Some(HOUR_US), &watermark(HOUR_US), "h", &none);
        assert_eq!(days, BTreeMap::from([(Some(0), Basis { through_record: 3, closed_us: Some(0) })]));
    }

    #[test]
    fn a_sealed_input_closes_the_window_it_ended_in() {
        let sealed = Panes { sealed_us: Some(DAY_US + 5), ..Panes::default() };
        let days = dirty_days(&history(&[(3, &[0, 1])]), Some(HOUR_US), &sealed, "h", &BTreeMap::new());
        assert_eq!(days.keys().copied().collect::<Vec<_>>(), [Some(0), Some(1)]);
    }

    #[test]
    fn a_signal_without_windows_is_due_after_every_epoch() {
        let days = dirty_days(&history(&[(3, &[]), (5, &[])]), None, &Panes::default(), "h", &BTreeMap::new());
        assert_eq!(days, BTreeMap::from([(None, Basis { through_record: 5, closed_us: None })]));
    }
}
