//! How often did each category occur?

mod encode;
#[cfg(test)]
mod tests;

use std::collections::BinaryHeap;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};

use crate::codec::add_rows;
use crate::error::{Error, Result};
use crate::hash::hash;

/// Counts per category, exact for as many categories as its capacity and still exactly mergeable beyond.
///
/// A sketch that has seen more keeps those categories whose hashes are the smallest (a bottom-k set: Cohen,
/// Kaplan, "Summarizing data using bottom-k sketches", PODC 2007), so that what is kept depends on the set of
/// categories alone. A category that is among the smallest of all was among the smallest of each part, so its
/// count is complete, whatever was merged in which order. All other counts are added up in 256 remainders by
/// hash; [`error`](Self::error), the greatest of them, bounds every category that is not kept. SpaceSaving
/// and Misra-Gries would favour frequent categories, but depend on the order of merging.
///
/// The size is bounded by the capacity times the longest category.
#[derive(Debug, Clone)]
pub struct Freq {
    capacity: u32,
    nulls: u64,
    counts: HashMap<Arc<str>, u64>,
    /// How long the categories in `counts` are together, in bytes.
    text: usize,
    /// Only once there were more categories than there is capacity for.
    folded: Option<Folded>,
}

/// What is needed to leave categories out.
#[derive(Debug, Clone, Default)]
struct Folded {
    /// The categories that are kept, the greatest hash on top.
    by_hash: BinaryHeap<(u64, Arc<str>)>,
    remainders: Vec<u64>,
}

/// How many remainders there are.
const REMAINDERS: usize = 256;

impl Freq {
    /// How many categories are kept unless another number is asked for.
    pub const CAPACITY: u32 = 65_536;

    /// An empty sketch that keeps up to `capacity` categories.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `capacity` lies in `[1, 1048576]`.
    pub fn new(capacity: u32) -> Result<Self> {
        if !(1..=1 << 20).contains(&capacity) {
            return Err(Error::OutOfRange { name: "capacity", value: capacity.into(), allowed: "[1, 1048576]" });
        }
        Ok(Self { capacity, ..Self::default() })
    }

    /// How many categories are kept at most.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Counts `category`.
    pub fn add(&mut self, category: &str) {
        self.add_times(category, 1);
    }

    /// Counts a row without a value.
    pub fn add_null(&mut self) {
        self.add_nulls(1);
    }

    /// Counts `count` rows without a value. The caller sees to it that the rows are not too many.
    pub fn add_nulls(&mut self, count: u64) {
        self.nulls += count;
    }

    /// Counts `category` `count` times, at least once. The caller sees to it that the rows are not too many.
    pub fn add_times(&mut self, category: &str, count: u64) {
        if let Some(counted) = self.counts.get_mut(category) {
            *counted += count;
            return;
        }
        let full = self.counts.len() >= self.capacity as usize;
        if full && self.folded.is_none() {
            self.folded = Some(Folded::over(&self.counts));
        }
        let Some(folded) = &mut self.folded else {
            self.keep(category.into(), count);
            return;
        };
        let hash = hash(category.as_bytes());
        if full && !folded.keeps(hash, category) {
            folded.remainders[remainder(hash)] += count;
            return;
        }
        let category = Arc::<str>::from(category);
        folded.by_hash.push((hash, Arc::clone(&category)));
        let last = if full { folded.by_hash.pop() } else { None };
        self.keep(category, count);
        if let Some((hash, category)) = last {
            let count = self.leave(&category);
            if let Some(folded) = &mut self.folded {
                folded.remainders[remainder(hash)] += count;
            }
        }
    }

    /// Keeps a category that was not kept.
    fn keep(&mut self, category: Arc<str>, count: u64) {
        self.text += category.len();
        self.counts.insert(category, count);
    }

    /// Keeps `category` no longer; gives its count.
    fn leave(&mut self, category: &str) -> u64 {
        let count = self.counts.remove(category);
        self.text -= count.map_or(0, |_| category.len());
        count.unwrap_or(0)
    }

    /// Counts all that `other` counted.
    ///
    /// # Errors
    /// [`Error::Unlike`] if the capacities differ; [`Error::Overflow`] if there are more than 2^63 - 1 rows. The sketch is
    /// then as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.alike(other)?;
        add_rows(self.rows(), other.rows()).ok_or(Error::Overflow)?;
        self.nulls += other.nulls;
        if let Some(theirs) = &other.folded {
            let mine = self.folded.get_or_insert_with(|| Folded::over(&self.counts));
            for (mine, theirs) in mine.remainders.iter_mut().zip(&theirs.remainders) {
                *mine += theirs;
            }
        }
        for (category, count) in &other.counts {
            self.add_times(category, *count);
        }
        Ok(())
    }

    /// Takes away all that `other` counted: undoes [`merge`](Self::merge).
    ///
    /// # Errors
    /// [`Error::Unlike`] if the capacities differ; [`Error::Folded`] if either has seen more categories than it keeps;
    /// [`Error::NotHeld`] if `other` holds a row that this sketch does not. The sketch is then as it was.
    pub fn subtract(&mut self, other: &Self) -> Result<()> {
        self.alike(other)?;
        if !self.is_exact() || !other.is_exact() {
            return Err(Error::Folded { capacity: self.capacity });
        }
        let holds = |(category, count)| self.counts.get(category).is_some_and(|held| held >= count);
        if self.nulls < other.nulls || !other.counts.iter().all(holds) {
            return Err(Error::NotHeld);
        }
        self.nulls -= other.nulls;
        for (category, count) in &other.counts {
            if let Some(held) = self.counts.get_mut(category) {
                *held -= count;
                if *held == 0 {
                    self.leave(category);
                }
            }
        }
        Ok(())
    }

    /// Refuses another capacity.
    pub(crate) fn alike(&self, other: &Self) -> Result<()> {
        if self.capacity == other.capacity {
            return Ok(());
        }
        Err(Error::Unlike { name: "capacity", left: self.capacity.into(), right: other.capacity.into() })
    }

    /// Whether every category is kept.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.folded.is_none()
    }

    /// No category that is not kept occurred more often; 0 while all are kept.
    #[must_use]
    pub fn error(&self) -> u64 {
        self.remainders().iter().copied().max().unwrap_or(0)
    }

    /// The `k` most frequent of the categories that are kept and how often each occurred, most frequent first,
    /// equal ones in the order of their text.
    #[must_use]
    pub fn top(&self, k: usize) -> Vec<(&str, u64)> {
        let mut all = self.iter().collect::<Vec<_>>();
        all.sort_unstable_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
        all.truncate(k);
        all
    }

    /// How often `category` occurred; `None` if it did not, or is not kept.
    #[must_use]
    pub fn get(&self, category: &str) -> Option<u64> {
        self.counts.get(category).copied()
    }

    /// How many rows had a category.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.values().sum::<u64>() + self.remainders().iter().sum::<u64>()
    }

    /// How many rows were counted, those without a value too.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.count() + self.nulls
    }

    /// How many rows without a value.
    #[must_use]
    pub fn nulls(&self) -> u64 {
        self.nulls
    }

    /// The categories that are kept, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(category, count)| (category.as_ref(), *count))
    }

    /// Whether a sketch that has seen `category` would keep it, whatever else it has seen.
    pub(crate) fn keeps(&self, hash: u64, category: &str) -> bool {
        self.folded.as_ref().is_none_or(|folded| folded.keeps(hash, category))
    }

    /// What the categories that are not kept add up to, by [`remainder`]; empty while all are kept.
    pub(crate) fn remainders(&self) -> &[u64] {
        self.folded.as_ref().map_or(&[], |folded| &folded.remainders)
    }

    /// How many bytes the sketch takes beside its own value, nearly.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        const ENTRY: usize = size_of::<(Arc<str>, u64)>() + 1;
        // Asked for with every batch: nothing is added up here. An `Arc` has two counters beside its text.
        let text = self.text + self.counts.len() * 16;
        let folded = self.folded.as_ref().map_or(0, |folded| {
            folded.by_hash.capacity() * size_of::<(u64, Arc<str>)>() + folded.remainders.capacity() * size_of::<u64>()
        });
        self.counts.capacity() * ENTRY + text + folded
    }
}

impl Folded {
    fn over(counts: &HashMap<Arc<str>, u64>) -> Self {
        let by_hash = counts.keys().map(|category| (hash(category.as_bytes()), Arc::clone(category))).collect();
        Self { by_hash, remainders: vec![0; REMAINDERS] }
    }

    /// Whether a category is among the smallest.
    fn keeps(&self, hash: u64, category: &str) -> bool {
        self.by_hash.peek().is_none_or(|(highest, last)| (hash, category) <= (*highest, last))
    }
}

/// The remainder to which a category belongs that is not kept.
pub(crate) fn remainder(hash: u64) -> usize {
    // The lowest byte: the highest ones say whether a category is kept.
    (hash % REMAINDERS as u64) as usize
}

impl Default for Freq {
    /// An empty sketch of [`CAPACITY`](Self::CAPACITY).
    fn default() -> Self {
        Self { capacity: Self::CAPACITY, nulls: 0, counts: HashMap::new(), text: 0, folded: None }
    }
}

impl PartialEq for Freq {
    fn eq(&self, other: &Self) -> bool {
        let parts = |freq: &Self| (freq.capacity, freq.nulls);
        parts(self) == parts(other) && self.counts == other.counts && self.remainders() == other.remainders()
    }
}
