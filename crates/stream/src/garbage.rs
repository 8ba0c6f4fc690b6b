//! Which private files does nobody need any more? A pure function of the listing and the log.
//!
//! A file is named after the record that was to commit it. Once this process has appended a record, no other can append
//! one before it: what earlier records do not name will never be named.

use std::collections::BTreeSet;

use tidegate_ledger::Store;

use crate::error::Result;
use crate::history::{History, SignalHistory};
use crate::layout;

/// Removes what crashes and merged state files left behind; `committed` is the last record that this process appended.
pub(crate) async fn collect(store: &Store, history: &History, committed: u64) -> Result<()> {
    let mut listed = store.list("state").await?;
    listed.extend(store.list("staging").await?);
    for path in unneeded(&listed, history, committed) {
        tracing::debug!(path, "removing what no record names");
        store.delete(path).await?;
    }
    Ok(())
}

fn unneeded<'a>(listed: &'a [String], history: &History, committed: u64) -> Vec<&'a str> {
    let files = |signal: &SignalHistory| {
        let waiting = signal.waiting.iter().map(|waiting| waiting.file.path.clone());
        signal.states.iter().map(|file| file.path.clone()).chain(waiting).collect::<Vec<_>>()
    };
    let states = history.signals.values().flat_map(files);
    let staged = history.released.values().map(|entry| entry.staged.clone());
    let needed = states.chain(staged).collect::<BTreeSet<_>>();
    let is_old = |path: &str| layout::record_of(path).is_none_or(|record| record <= committed);
    let unneeded = listed.iter().filter(|path| !needed.contains(*path) && is_old(path));
    unneeded.map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use tidegate_algebra::Fingerprint;

    use super::*;
    use crate::commit::{ReleaseEntry, StateFile};

    #[test]
    fn only_what_an_old_record_could_have_named_goes() {
        let path = |record| layout::state_file("s", &Fingerprint::default(), record, "run");
        let mut history = History::default();
        let signal = history.signals.entry(("s".to_owned(), Fingerprint::default())).or_default();
        signal.states.push(StateFile { path: path(3), ..StateFile::default() });
        let staged = |record| layout::staging_file(record, "id");
        let entry = ReleaseEntry { staged: staged(5), ..ReleaseEntry::default() };
        history.released.insert(("s".to_owned(), None), entry);
        let listed = [path(2), path(3), path(7), path(8), staged(5), staged(6), staged(8)];
        assert_eq!(unneeded(&listed, &history, 7), [&path(2), &path(7), &staged(6)]);
    }
}
