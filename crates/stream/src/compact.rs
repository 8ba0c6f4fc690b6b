//! Which state files are merged into one, and when?
//!
//! In tiers: an epoch writes a file of level 0, and as soon as there are sixteen files of a level they become one of
//! the next. So every row of state is merged a logarithmic number of times, and a release opens a logarithmic number
//! of files. A file larger than memory allows stays as it is.

use std::collections::BTreeMap;

use tidegate_ledger::Store;
use tidegate_signal::Signal;

use crate::commit::StateFile;
use crate::error::{Error, Result};
use crate::state::Shelf;

/// Files of one level that make one of the next.
const FILES: usize = 16;

/// The files that are to be merged now, if any: those of the lowest level that is full.
pub(crate) fn due(files: &[StateFile], most_bytes: usize) -> Option<Vec<StateFile>> {
    let mut levels = BTreeMap::<u32, Vec<&StateFile>>::new();
    for file in files {
        levels.entry(file.level).or_default().push(file);
    }
    levels.into_values().find_map(|files| {
        let oldest = files.get(..FILES)?;
        let bytes = oldest.iter().map(|file| file.bytes).sum::<u64>();
        (bytes <= most_bytes as u64).then(|| oldest.iter().map(|&file| file.clone()).collect())
    })
}

/// Merges `files` into one at `path`, part by part.
pub(crate) async fn merge(
    store: &Store,
    signal: &Signal,
    files: &[StateFile],
    path: String,
    state_bytes: usize,
) -> Result<StateFile> {
    let explain = |source| Error::Signal { signal: signal.name().to_owned(), source };
    let files = files.iter().collect::<Vec<_>>();
    let mut merged = Vec::new();
    let shelf = Shelf::of(store, signal);
    for part in shelf.parts(&files, state_bytes) {
        let states = shelf.read(&files, part).await?;
        merged.push(signal.cut.merge(states).await.map_err(explain)?);
    }
    let mut days = files.iter().flat_map(|file| file.days.iter().copied()).collect::<Vec<_>>();
    days.sort_unstable();
    days.dedup();
    let level = files.iter().map(|file| file.level).max().unwrap_or_default() + 1;
    let whole = shelf.layout.together(merged).map_err(explain)?;
    let file = shelf.write(path, whole).await?;
    // What the parts cover stands in the epochs' records.
    Ok(StateFile { days, level, ..file })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(levels: &[(u32, usize)]) -> Vec<StateFile> {
        let file = |level| StateFile { level, bytes: 10, ..StateFile::default() };
        levels.iter().flat_map(|&(level, count)| vec![file(level); count]).collect()
    }

    #[test]
    fn the_lowest_full_level_is_merged() {
        assert_eq!(due(&files(&[(0, 15), (1, 15)]), 1_000), None);
        assert_eq!(due(&files(&[(0, 17), (1, 16)]), 1_000).map(|files| files[0].level), Some(0));
        assert_eq!(due(&files(&[(0, 3), (1, 16)]), 1_000).map(|files| (files[0].level, files.len())), Some((1, 16)));
    }

    #[test]
    fn what_does_not_fit_into_memory_stays() {
        assert_eq!(due(&files(&[(0, 16)]), 159), None);
    }
}
