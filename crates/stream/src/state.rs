//! Where does a signal's state lie, and how is a part of it read?
//!
//! A state file is a row of sections, each one a whole encoded state. Sections divide groups by a hash of their keys,
//! so that a release can go through a large state part by part, holding one at a time.

use futures::{StreamExt, TryStreamExt, stream};
use tidegate_algebra::{Part, PartialState, StateLayout};
use tidegate_ledger::Store;
use tidegate_signal::Signal;

use crate::commit::{Section, StateFile};
use crate::error::{Error, Result};

/// State rows that are worth a section of their own.
const SECTION_ROWS: usize = 16_384;

/// Files read at the same time.
const READS_AT_ONCE: usize = 8;

/// Where states of one layout are put and found.
#[derive(Clone, Copy)]
pub(crate) struct Shelf<'a> {
    pub(crate) store: &'a Store,
    /// The signal they belong to.
    pub(crate) signal: &'a str,
    pub(crate) layout: &'a StateLayout,
}

impl<'a> Shelf<'a> {
    /// Where the groups or rows of `signal` lie.
    pub(crate) fn of(store: &'a Store, signal: &'a Signal) -> Self {
        Self { store, signal: signal.name(), layout: signal.cut.layout() }
    }

    fn explain(&self, source: tidegate_algebra::Error) -> Error {
        Error::Signal { signal: self.signal.to_owned(), source }
    }

    /// Writes `state` to `path`. What it covers is for the caller to fill in.
    pub(crate) async fn write(&self, path: String, state: PartialState) -> Result<StateFile> {
        let rows = state.rows();
        let encoded = self.layout.encode_in_parts(&state, rows / SECTION_ROWS);
        let (bytes, lengths) = encoded.map_err(|source| self.explain(source))?;
        drop(state);
        let mut end = 0;
        let sections = lengths.into_iter().map(|length| {
            end += length;
            Section { bytes: length as u64, sha256: trailer(&bytes[..end]) }
        });
        let sections = sections.collect();
        let file = StateFile {
            path: path.clone(),
            bytes: bytes.len() as u64,
            rows: rows as u64,
            sections,
            ..StateFile::default()
        };
        self.store.replace(&path, bytes.into()).await?;
        Ok(file)
    }

    /// The parts in which the state of `files` is gone through, each of about `state_bytes` at most.
    pub(crate) fn parts(&self, files: &[&StateFile], state_bytes: usize) -> impl Iterator<Item = Part> + use<> {
        let bytes = files.iter().map(|file| file.bytes).sum::<u64>();
        self.layout.parts(usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(state_bytes.max(1)))
    }

    /// Reads the rows of `files` that lie in `part`.
    pub(crate) async fn read(&self, files: &[&StateFile], part: Part) -> Result<Vec<PartialState>> {
        let reads = files.iter().map(|file| self.read_part(file, part));
        let states = stream::iter(reads).buffered(READS_AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(states.into_iter().flatten().collect())
    }

    async fn read_part(&self, file: &StateFile, part: Part) -> Result<Vec<PartialState>> {
        let damaged = || Error::DamagedState {
            path: file.path.clone(),
            signal: self.signal.to_owned(),
            fingerprint: self.layout.fingerprint().clone(),
        };
        let (wanted, fills) = part.sections(file.sections.len());
        let before = file.sections[..wanted.start].iter().map(|section| section.bytes).sum::<u64>();
        let length = file.sections[wanted.clone()].iter().map(|section| section.bytes).sum::<u64>();
        let bytes = self.store.get_range(&file.path, before..before + length).await?.ok_or_else(damaged)?;
        let mut states = Vec::new();
        let mut from = 0;
        for section in &file.sections[wanted] {
            let to = from + usize::try_from(section.bytes).unwrap_or(usize::MAX);
            let encoded = bytes.get(from..to).filter(|encoded| trailer(encoded) == section.sha256);
            let encoded = encoded.ok_or_else(damaged)?;
            from = to;
            let state = self.layout.decode(encoded).map_err(|error| match error {
                tidegate_algebra::Error::CorruptState { .. } => damaged(),
                other => self.explain(other),
            })?;
            let part_of = |state| self.layout.part_of(&state, part).map_err(|source| self.explain(source));
            states.push(if fills { state } else { part_of(state)? });
        }
        Ok(states)
    }
}

/// The digest that ends an encoded state, in hex. Decoding checks it against the bytes.
fn trailer(encoded: &[u8]) -> String {
    let digest = &encoded[encoded.len().saturating_sub(16)..];
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
