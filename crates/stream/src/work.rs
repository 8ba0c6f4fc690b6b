//! Which rows of which files must be read, and for which signals?
//!
//! Every signal remembers for itself what it has read, so a new or changed signal reads a stream from its beginning
//! while the others go on. Signals that want the same rows share one read.
//!
//! Rows that the stream has read before are read *again* exactly as they were cut then: whether a row was late or
//! delivered twice was decided when it was first read, and holds for every signal.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_source::SourceFile;

use crate::history::{FirstRead, SignalHistory, StreamHistory};

/// One file, or a part of one, and the signals that want it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkItem {
    pub(crate) file: SourceFile,
    pub(crate) from_row: u64,
    /// The row to stop before; the end of the file when absent.
    pub(crate) to_row: Option<u64>,
    pub(crate) signals: BTreeSet<String>,
    /// How the rows were judged when the stream first read them; none for rows it has not read yet.
    pub(crate) again: Option<FirstRead>,
}

/// A file that changed after it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedFile {
    pub(crate) id: String,
    pub(crate) size_before: u64,
    pub(crate) size_now: u64,
}

/// Plans the reads of the stream `name`: `files` in order, `signals` with what each has read. What is read again comes first, so
/// that the last item is the last new one.
///
/// # Errors
/// A [`ChangedFile`] when a file has another size than when it was read: landed files never change.
pub(crate) fn plan(
    name: &str,
    files: &[SourceFile],
    stream: &StreamHistory,
    signals: &BTreeMap<String, SignalHistory>,
) -> Result<Vec<WorkItem>, ChangedFile> {
    let (mut again, mut new) = (Vec::new(), Vec::new());
    for file in files {
        let known = stream.files.get(&file.id);
        if let Some(known) = known
            && known.size != file.size
        {
            return Err(ChangedFile { id: file.id.clone(), size_before: known.size, size_now: file.size });
        }
        let rows_of = |signal: &SignalHistory| signal.rows_of(name, &file.id);
        for read in known.iter().flat_map(|known| &known.reads) {
            let mut wanted: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
            for (taker, signal) in signals.iter().filter(|(_, signal)| rows_of(signal) < read.to_row) {
                wanted.entry(rows_of(signal).max(read.from_row)).or_default().insert(taker.clone());
            }
            again.extend(wanted.into_iter().map(|(from_row, signals)| WorkItem {
                file: file.clone(),
                from_row,
                to_row: Some(read.to_row),
                signals,
                again: Some(read.clone()),
            }));
        }
        if known.is_none_or(|known| !known.end) {
            new.push(WorkItem {
                file: file.clone(),
                from_row: known.map_or(0, |known| known.rows()),
                to_row: None,
                signals: signals.keys().cloned().collect(),
                again: None,
            });
        }
    }
    Ok(again.into_iter().chain(new).filter(|item| !item.signals.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Consumed, FileHistory};

    fn file(id: &str) -> SourceFile {
        SourceFile { id: id.to_owned(), path: id.into(), size: 10, modified_us: 0, partitions: BTreeMap::new() }
    }

    fn first(from_row: u64, to_row: u64) -> FirstRead {
        FirstRead { from_row, to_row, watermark_us: None, duplicates: None }
    }

    type Known<'a> = (&'a str, &'a [(u64, u64)], bool);

    fn stream(files: &[Known<'_>]) -> StreamHistory {
        let files = files.iter().map(|(id, reads, end)| {
            let reads = reads.iter().map(|&(from, to)| first(from, to)).collect();
            ((*id).to_owned(), FileHistory { size: 10, end: *end, reads })
        });
        StreamHistory { files: files.collect(), ..StreamHistory::default() }
    }

    fn read(files: &[(&str, u64)]) -> SignalHistory {
        let consumed = files.iter().map(|&(id, rows)| (id.to_owned(), Consumed { rows }));
        let consumed = BTreeMap::from([("s".to_owned(), consumed.collect())]);
        SignalHistory { consumed, ..SignalHistory::default() }
    }

    type Expected<'a> = (&'a str, u64, Option<u64>, &'a [&'a str]);

    #[track_caller]
    fn check(stream: &StreamHistory, signals: &[(&str, SignalHistory)], expected: &[Expected<'_>]) {
        let signals = signals.iter().map(|(name, history)| ((*name).to_owned(), history.clone())).collect();
        let items = plan("s", &[file("a"), file("b")], stream, &signals).unwrap();
        let items = items.iter().map(|item| {
            let signals = item.signals.iter().map(String::as_str).collect::<Vec<_>>();
            (item.file.id.as_str(), item.from_row, item.to_row, signals)
        });
        let expected = expected.iter().map(|(id, from, to, names)| (*id, *from, *to, names.to_vec()));
        assert_eq!(items.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn signals_share_the_reads_they_both_want() {
        let none = stream(&[]);
        check(
            &none,
            &[("x", read(&[])), ("y", read(&[]))],
            &[("a", 0, None, &["x", "y"]), ("b", 0, None, &["x", "y"])],
        );
    }

    #[test]
    fn a_new_signal_first_reads_again_what_the_stream_has_read() {
        let stream = stream(&[("a", &[(0, 4), (4, 7)], true)]);
        check(
            &stream,
            &[("new", read(&[])), ("old", read(&[("a", 7)]))],
            &[("a", 0, Some(4), &["new"]), ("a", 4, Some(7), &["new"]), ("b", 0, None, &["new", "old"])],
        );
    }

    #[test]
    fn a_signal_that_fell_behind_reads_the_rest_alone() {
        let stream = stream(&[("a", &[(0, 4), (4, 7)], false)]);
        check(
            &stream,
            &[("slow", read(&[("a", 2)])), ("fast", read(&[("a", 7)]))],
            &[
                ("a", 2, Some(4), &["slow"]),
                ("a", 4, Some(7), &["slow"]),
                ("a", 7, None, &["fast", "slow"]),
                ("b", 0, None, &["fast", "slow"]),
            ],
        );
    }

    #[test]
    fn a_changed_file_is_reported() {
        let mut stream = stream(&[("a", &[(0, 7)], true)]);
        stream.files.get_mut("a").unwrap().size = 9;
        let changed = plan("s", &[file("a")], &stream, &BTreeMap::from([("x".to_owned(), read(&[]))])).unwrap_err();
        assert_eq!((changed.size_before, changed.size_now), (9, 10));
    }
}
