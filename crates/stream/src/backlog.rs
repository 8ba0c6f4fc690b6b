//! What has landed and is not read yet?

use std::collections::{BTreeMap, BTreeSet};

use crate::work::WorkItem;

/// What a drain would find now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Per stream, what is left to read.
    pub streams: BTreeMap<String, Unread>,
    /// Streams that cannot be listed now, and why.
    pub unlisted: BTreeMap<String, String>,
    /// Streams that have been silent for so long that their windows close.
    pub ended: BTreeSet<String>,
}

/// Files of one stream that are not read to their end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// Size and time of modification of each.
    files: BTreeMap<String, (u64, i64)>,
}

impl Unread {
    pub(crate) fn of(work: &[WorkItem]) -> Self {
        let file = |item: &WorkItem| (item.file.id.clone(), (item.file.size, item.file.modified_us));
        Self { files: work.iter().map(file).collect() }
    }

    /// How many files.
    pub fn files(&self) -> u64 {
        self.files.len() as u64
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|(bytes, _)| bytes).sum()
    }
}

impl Backlog {
    /// True when there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.streams.values().all(|unread| unread.files.is_empty())
    }

    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.streams.values().map(Unread::bytes).sum()
    }

    /// What of `before` a drain did not read, when this is what there is after it. What landed meanwhile is not in it.
    #[must_use]
    pub fn left_of(mut self, before: &Self) -> Self {
        for (stream, unread) in &mut self.streams {
            let before = before.streams.get(stream);
            unread.files.retain(|id, file| before.and_then(|before| before.files.get(id)) == Some(file));
        }
        self
    }

    /// True when a drain may find what an earlier one, that left `left`, did not.
    pub fn has_more_than(&self, left: &Self) -> bool {
        let is_new = |(stream, unread): (&String, &Unread)| {
            let before = left.streams.get(stream);
            unread.files.iter().any(|(id, file)| before.and_then(|before| before.files.get(id)) != Some(file))
        };
        !self.ended.is_empty() || self.streams.iter().any(is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog(files: &[(&str, u64, i64)]) -> Backlog {
        let files = files.iter().map(|&(id, size, modified_us)| (id.to_owned(), (size, modified_us)));
        let streams = BTreeMap::from([("s".to_owned(), Unread { files: files.collect() })]);
        Backlog { streams, ..Backlog::default() }
    }

    #[test]
    fn what_a_drain_could_not_read_is_nothing_new() {
        let left = backlog(&[("a", 5, 1)]);
        assert!(!backlog(&[("a", 5, 1)]).has_more_than(&left));
        assert!(!backlog(&[]).has_more_than(&left));
        assert!(backlog(&[("a", 5, 2)]).has_more_than(&left), "it was written again");
        assert!(backlog(&[("a", 5, 1), ("b", 0, 1)]).has_more_than(&left));
        assert!(left.has_more_than(&Backlog::default()));
    }

    #[test]
    fn what_lands_during_a_drain_is_new_after_it() {
        let (before, after) = (backlog(&[("a", 5, 1), ("b", 5, 1)]), backlog(&[("b", 5, 1), ("c", 5, 1)]));
        let left = after.clone().left_of(&before);
        assert_eq!(left, backlog(&[("b", 5, 1)]));
        assert!(after.has_more_than(&left));
    }

    #[test]
    fn a_stream_that_has_ended_is_a_reason_to_release() {
        let ended = Backlog { ended: BTreeSet::from(["s".to_owned()]), ..Backlog::default() };
        assert!(ended.is_empty() && ended.has_more_than(&Backlog::default()));
    }
}
