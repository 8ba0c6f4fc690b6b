//! How often was a window restated after readers had seen it? A pure function of the log.

use tidegate_algebra::Closed;

/// A release of a day that was released before, and what had come meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Restatement {
    /// The windows that the release before had shown.
    pub(crate) shown: Closed,
    /// The time covered by the panes that came after it.
    pub(crate) covered: Vec<(i64, i64)>,
}

impl Restatement {
    /// What came after a release that had shown `shown`. Panes of windows that were open then restate nothing.
    pub(crate) fn of(shown: Closed, covered: impl Iterator<Item = (i64, i64)>) -> Self {
        let reached = shown.watermark_us.max(shown.sealed_us);
        Self { shown, covered: covered.filter(|(start, _)| Some(*start) <= reached).collect() }
    }

    fn restates(&self, start_us: i64, end_us: i64) -> bool {
        self.shown.contains(start_us, end_us) && self.covered.iter().any(|&(from, to)| from < end_us && start_us < to)
    }
}

/// The revision of a window: 0 when it is as it was first shown.
pub(crate) fn revision(restatements: &[Restatement], start_us: i64, end_us: i64) -> i32 {
    let count = restatements.iter().filter(|restatement| restatement.restates(start_us, end_us)).count();
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_that_were_shown_and_touched_are_restated() {
        let shown = Closed { watermark_us: Some(20), sealed_us: None };
        let restatements =
            [Restatement::of(shown, [(5, 10), (20, 30)].into_iter()), Restatement::of(shown, [(0, 10)].into_iter())];
        assert_eq!(revision(&restatements, 0, 5), 1);
        assert_eq!(revision(&restatements, 5, 10), 2);
        assert_eq!(revision(&restatements, 10, 20), 0);
        assert_eq!(revision(&restatements, 20, 30), 0, "was open");
    }
}
