//! Which days of a signal must be released again? A pure function of its history.

use std::collections::BTreeSet;

use tidegate_algebra::{Closed, Windows};

use crate::commit::ReleaseEntry;
use crate::history::{SignalHistory, Touch};

/// A signal at the moment of a release.
pub(crate) struct Release<'a> {
    pub(crate) signal: &'a SignalHistory,
    pub(crate) windows: Option<Windows>,
    /// Its rows have days without having windows.
    pub(crate) rows_by_day: bool,
    /// How far windows are closed now.
    pub(crate) closed: Closed,
    pub(crate) code_hash: &'a str,
}

impl Release<'_> {
    /// The days whose rows may differ from what was released; a signal without windows has the one day `None`.
    ///
    /// `released` gives a day's newest release by the same plan.
    pub(crate) fn due<'a>(&self, released: impl Fn(Option<i32>) -> Option<&'a ReleaseEntry>) -> BTreeSet<Option<i32>> {
        let is_due = |day: &Option<i32>| match released(*day) {
            None => day.is_none_or(|day| self.can_close(day)),
            Some(entry) => entry.code_hash != self.code_hash || self.has_changed(entry),
        };
        self.days().into_iter().filter(is_due).collect()
    }

    fn days(&self) -> BTreeSet<Option<i32>> {
        let touches = self.signal.touches.iter().map(|(_, touch)| touch);
        if self.windows.is_some() || self.rows_by_day {
            touches.flat_map(|touch| touch.days.iter().copied().map(Some)).collect()
        } else {
            touches.map(|_| None).collect()
        }
    }

    /// A window that starts in `day` can be closed only if time has come that far.
    fn can_close(&self, day: i32) -> bool {
        let Some(windows) = self.windows else { return true };
        let reached = |instant: Option<i64>| instant.is_some_and(|instant| windows.day_of(instant) >= day);
        reached(self.closed.watermark_us) || reached(self.closed.sealed_us)
    }

    fn has_changed(&self, entry: &ReleaseEntry) -> bool {
        let Some(windows) = self.windows else {
            let is_of_day = |touch: &Touch| entry.day.is_none_or(|day| touch.days.contains(&day));
            return self.signal.touched_after(entry.through_record).any(is_of_day);
        };
        let sealed = self.closed.sealed_us > entry.closed.sealed_us;
        let passed = entry.pending_us.is_some_and(|pending| self.closed.watermark_us >= Some(pending) || sealed);
        passed || self.signal.touched_after(entry.through_record).any(|touch| self.shows(windows, entry, touch))
    }

    /// True when rows that came after `entry` lie in a window of its day that is closed by now.
    fn shows(&self, windows: Windows, entry: &ReleaseEntry, touch: &Touch) -> bool {
        let concerns = match windows {
            // What comes later can prolong a session of any day that is not settled.
            Windows::Session { .. } => entry.pending_us.is_some(),
            _ => false,
        };
        let concerns = concerns || entry.day.is_some_and(|day| touch.days.contains(&day));
        concerns && touch.covered.iter().any(|&(start, _)| self.closed.contains(start, first_end(windows, start)))
    }
}

/// The earliest end of a window that contains the pane starting at `pane_us`. A session that is shown may end where
/// the pane starts: it lasts longer then.
fn first_end(windows: Windows, pane_us: i64) -> i64 {
    windows.of_pane(pane_us).into_iter().map(|(_, end)| end).min().unwrap_or(pane_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;
    const DAY_US: i64 = 24 * HOUR_US;

    fn touch(days: &[i32], covered: (i64, i64)) -> Touch {
        Touch { days: days.to_vec(), covered: vec![covered] }
    }

    fn watermark(watermark_us: i64) -> Closed {
        Closed { watermark_us: Some(watermark_us), sealed_us: None }
    }

    fn due(
        touches: &[(u64, Touch)],
        windows: Option<Windows>,
        closed: Closed,
        entry: Option<&ReleaseEntry>,
    ) -> Vec<Option<i32>> {
        let rows_by_day = windows.is_none() && touches.iter().any(|(_, touch)| !touch.days.is_empty());
        let signal = SignalHistory { touches: touches.to_vec(), ..SignalHistory::default() };
        let release = Release { signal: &signal, windows, rows_by_day, closed, code_hash: "h" };
        release.due(|day| entry.filter(|entry| entry.day == day)).into_iter().collect()
    }

    fn released(day: i32, through_record: u64, watermark_us: i64, pending_us: Option<i64>) -> ReleaseEntry {
        ReleaseEntry {
            day: Some(day),
            code_hash: "h".to_owned(),
            through_record,
            closed: watermark(watermark_us),
            pending_us,
            ..ReleaseEntry::default()
        }
    }

    #[test]
    fn a_day_is_due_when_time_has_reached_it() {
        let hours = Some(Windows::tumble(HOUR_US));
        let touches = [(3, touch(&[0, 1], (0, 2 * DAY_US)))];
        assert_eq!(due(&touches, hours, watermark(-1), None), []);
        assert_eq!(due(&touches, hours, watermark(HOUR_US), None), [Some(0)]);
    }

    #[test]
    fn a_released_day_is_due_when_something_pending_closes() {
        let hours = Some(Windows::tumble(HOUR_US));
        let touches = [(3, touch(&[0], (0, 5 * HOUR_US)))];
        let entry = released(0, 3, 2 * HOUR_US, Some(3 * HOUR_US));
        assert_eq!(due(&touches, hours, watermark(3 * HOUR_US - 1), Some(&entry)), []);
        assert_eq!(due(&touches, hours, watermark(3 * HOUR_US), Some(&entry)), [Some(0)]);
        let sealed = Closed { sealed_us: Some(5 * HOUR_US), ..watermark(2 * HOUR_US) };
        assert_eq!(due(&touches, hours, sealed, Some(&entry)), [Some(0)]);
    }

    #[test]
    fn rows_in_open_windows_alone_are_no_reason() {
        let hours = Some(Windows::tumble(HOUR_US));
        let entry = released(0, 3, 2 * HOUR_US, None);
        let open = [(4, touch(&[0], (3 * HOUR_US, 4 * HOUR_US)))];
        assert_eq!(due(&open, hours, watermark(2 * HOUR_US), Some(&entry)), []);
        let late = [(4, touch(&[0], (HOUR_US, 2 * HOUR_US)))];
        assert_eq!(due(&late, hours, watermark(2 * HOUR_US), Some(&entry)), [Some(0)]);
    }

    #[test]
    fn a_sealed_input_closes_the_window_it_ended_in() {
        let sealed = Closed { watermark_us: None, sealed_us: Some(DAY_US + 5) };
        let touches = [(3, touch(&[0, 1], (0, DAY_US + HOUR_US)))];
        assert_eq!(due(&touches, Some(Windows::tumble(HOUR_US)), sealed, None), [Some(0), Some(1)]);
    }

    #[test]
    fn a_signal_without_windows_is_due_after_every_epoch() {
        let touches = [(3, Touch::default()), (5, Touch::default())];
        assert_eq!(due(&touches, None, Closed::default(), None), [None]);
        let entry = ReleaseEntry { code_hash: "h".to_owned(), through_record: 3, ..ReleaseEntry::default() };
        assert_eq!(due(&touches, None, Closed::default(), Some(&entry)), [None]);
        let entry = ReleaseEntry { through_record: 5, ..entry };
        assert_eq!(due(&touches, None, Closed::default(), Some(&entry)), []);
    }

    #[test]
    fn rows_with_days_wait_for_nothing() {
        let rows = |days: &[i32]| Touch { days: days.to_vec(), ..Touch::default() };
        let touches = [(3, rows(&[0, 1])), (5, rows(&[1]))];
        assert_eq!(due(&touches, None, Closed::default(), None), [Some(0), Some(1)]);
        let entry = |day| ReleaseEntry { pending_us: None, ..released(day, 3, 0, None) };
        assert_eq!(due(&touches, None, Closed::default(), Some(&entry(0))), [Some(1)]);
        assert_eq!(due(&touches, None, Closed::default(), Some(&entry(1))), [Some(0), Some(1)]);
    }

    #[test]
    fn another_definition_is_released_anew() {
        let touches = [(3, touch(&[0], (0, HOUR_US)))];
        let entry = ReleaseEntry { code_hash: "other".to_owned(), ..released(0, 3, DAY_US, None) };
        assert_eq!(due(&touches, Some(Windows::tumble(HOUR_US)), watermark(DAY_US), Some(&entry)), [Some(0)]);
    }
}
