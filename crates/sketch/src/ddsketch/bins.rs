//! Counts by bin number, dense from the first to the last.

use crate::gamma::Gamma;

/// Counts of bins `first ..`. Bins outside are empty, and so may be those at both ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Bins {
    first: i32,
    counts: Vec<u64>,
}

impl Bins {
    /// Empty bins with room for `first ..= last`.
    pub(super) fn spanning(first: i32, last: i32) -> Self {
        let mut bins = Self::default();
        bins.cover(first, last);
        bins
    }

    /// Counts `count` in bin `key` of `gamma`.
    #[inline]
    pub(super) fn add(&mut self, key: i32, count: u64, gamma: &Gamma) {
        // A key below the first wraps to far beyond the last.
        match self.counts.get_mut(key.wrapping_sub(self.first) as usize) {
            Some(counted) => *counted += count,
            None => self.add_outside(key, count, gamma),
        }
    }

    #[cold]
    fn add_outside(&mut self, key: i32, count: u64, gamma: &Gamma) {
        let (lowest, highest) = gamma.keys();
        // Some room to both sides, so that sizes that drift do not move the bins each time.
        let room = 16 + self.counts.len() as i32 / 4;
        self.cover((key - room).max(lowest), (key + room).min(highest));
        self.counts[(key - self.first) as usize] += count;
    }

    /// Adds `count` to bin `key`, for which there is room.
    pub(super) fn put(&mut self, key: i32, count: u64) {
        self.counts[(key - self.first) as usize] += count;
    }

    /// Makes room for bins `first ..= last`.
    fn cover(&mut self, first: i32, last: i32) {
        if self.counts.is_empty() {
            self.first = first;
        }
        if first < self.first {
            let before = (self.first - first) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, before));
            self.first = first;
        }
        let len = (last - self.first + 1) as usize;
        if len > self.counts.len() {
            self.counts.reserve_exact(len - self.counts.len());
            self.counts.resize(len, 0);
        }
    }

    /// Bins that are not empty, in ascending order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, u64)> {
        let bins = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        bins.map(|(at, count)| (self.first + at as i32, *count))
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Adds the bins of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        let Some((first, counts)) = other.occupied() else {
            return;
        };
        self.cover(first, first + counts.len() as i32 - 1);
        let at = (first - self.first) as usize;
        for (mine, theirs) in self.counts[at..].iter_mut().zip(counts) {
            *mine += theirs;
        }
    }

    /// Whether no bin of `other` holds more.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.iter().all(|(key, count)| {
            let mine = self.counts.get(key.wrapping_sub(self.first) as usize);
            mine.is_some_and(|mine| *mine >= count)
        })
    }

    /// Takes away the bins of `other`, which these hold.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (key, count) in other.iter() {
            self.counts[(key - self.first) as usize] -= count;
        }
    }

    /// The bins from the first to the last that is not empty, and the number of the first.
    pub(super) fn occupied(&self) -> Option<(i32, &[u64])> {
        let from = self.counts.iter().position(|count| *count > 0)?;
        let to = self.counts.iter().rposition(|count| *count > 0)?;
        Some((self.first + from as i32, &self.counts[from..=to]))
    }

    pub(super) fn heap_size(&self) -> usize {
        self.counts.capacity() * size_of::<u64>()
    }
}

impl PartialEq for Bins {
    fn eq(&self, other: &Self) -> bool {
        self.occupied() == other.occupied()
    }
}
