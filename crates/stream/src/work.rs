//! Which rows of which files must be read, and for which signals?
//!
//! Every signal remembers for itself what it has read, so a new or changed signal reads a stream from
//! its beginning while the others go on. Signals that want the same rows share one read.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_source::SourceFile;

use crate::history::SignalHistory;

/// One file, or the rest of one, and the signals that want it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkItem {
    pub(crate) file: SourceFile,
    pub(crate) from_row: u64,
    pub(crate) signals: BTreeSet<String>,
}

/// A file that changed after it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedFile {
    pub(crate) id: String,
    pub(crate) size_before: u64,
    pub(crate) size_now: u64,
}

/// Plans the reads of a stream: `files` in order, `signals` with what each has read.
///
/// # Errors
/// A [`ChangedFile`] when a file has another size than when it was read: landed files never change.
pub(crate) fn plan(
    files: &[SourceFile],
    signals: &BTreeMap<String, SignalHistory>,
) -> Result<Vec<WorkItem>, ChangedFile> {
    let mut items = Vec::new();
    for file in files {
        let mut wanted: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for (name, history) in signals {
            let consumed = history.consumed.get(&file.id);
            if let Some(consumed) = consumed
                && consumed.size != file.size
            {
                return Err(ChangedFile { id: file.id.clone(), size_before: consumed.size, size_now: file.size });
            }
            if consumed.is_none_or(|consumed| !consumed.end) {
                let from_row = consumed.map_or(0, |consumed| consumed.rows);
                wanted.entry(from_row).or_default().insert(name.clone());
            }
        }
        let parts = wanted.into_iter();
        items.extend(parts.map(|(from_row, signals)| WorkItem { file: file.clone(), from_row, signals }));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Consumed;

    fn file(id: &str) -> SourceFile {
        SourceFile { id: id.to_owned(), path: id.into(), size: 10, modified_us: 0, partitions: BTreeMap::new() }
    }

    fn read(files: &[(&str, u64, bool)]) -> SignalHistory {
        let consumed = files.iter().map(|&(id, rows, end)| (id.to_owned(), Consumed { rows, end, size: 10 }));
        SignalHistory { consumed: consumed.collect(), states: Vec::new() }
    }

    fn check(signals: &[(&str, SignalHistory)], expected: &[(&str, u64, &[&str])]) {
        let signals = signals.iter().cloned().map(|(name, history)| (name.to_owned(), history)).collect();
        let items = plan(&[file("a"), file("b")], &signals).unwrap();
        let items = items.iter().map(|item| {
            (item.file.id.as_str(), item.from_row, item.signals.iter().map(String::as_str).collect::<Vec<_>>())
        });
        let expected = expected.iter().map(|(id, row, names)| (*id, *row, names.to_vec())).collect::<Vec<_>>();
        assert_eq!(items.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn signals_share_the_reads_they_both_want() {
        check(&[("x", read(&[])), ("y", read(&[]))], &[("a", 0, &["x", "y"]), ("b", 0, &["x", "y"])]);
    }

    #[test]
    fn a_new_signal_reads_from_the_beginning_alone() {
        check(
            &[("new", read(&[])), ("old", read(&[("a", 7, true)]))],
            &[("a", 0, &["new"]), ("b", 0, &["new", "old"])],
        );
    }

    #[test]
    fn a_file_read_halfway_goes_on_where_it_stopped() {
        check(&[("x", read(&[("a", 7, true), ("b", 3, false)]))], &[("b", 3, &["x"])]);
    }

    #[test]
    fn a_changed_file_is_reported() {
        let mut history = read(&[("a", 7, true)]);
        history.consumed.get_mut("a").unwrap().size = 9;
        let changed = plan(&[file("a")], &BTreeMap::from([("x".to_owned(), history)])).unwrap_err();
        assert_eq!((changed.size_before, changed.size_now), (9, 10));
    }
}
