//! Where does a signal's state lie, and how is a part of it read?
//!
//! A state file is a row of sections, each one a whole encoded state. Sections divide groups by a hash of their keys,
//! so that a release can go through a large state part by part, holding one at a time.

use futures::{StreamExt, TryStreamExt, stream};
use tidegate_algebra::{Part, PartialState};
use tidegate_ledger::Store;
use tidegate_signal::Signal;

use crate::commit::{Section, StateFile};
use crate::error::{Error, Result};

/// State rows that are worth a section of their own.
const SECTION_ROWS: usize = 16_384;

/// Files read at the same time.
const READS_AT_ONCE: usize = 8;

/// Writes `state` to `path`. What it covers is for the caller to fill in.
pub(crate) async fn write(store: &Store, signal: &Signal, path: String, state: PartialState) -> Result<StateFile> {
    let explain = |source| Error::Signal { signal: signal.name().to_owned(), source };
    let rows = state.rows();
    let (bytes, lengths) = signal.cut.encode_in_parts(&state, rows / SECTION_ROWS).map_err(explain)?;
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
    store.replace(&path, bytes.into()).await?;
    Ok(file)
}

/// The parts in which the state of `files` is gone through, each of about `state_bytes` at most.
pub(crate) fn parts(signal: &Signal, files: &[&StateFile], state_bytes: usize) -> impl Iterator<Item = Part> + use<> {
    let bytes = files.iter().map(|file| file.bytes).sum::<u64>();
    signal.cut.parts(usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(state_bytes.max(1)))
}

/// Reads the rows of `files` that lie in `part`.
pub(crate) async fn read(
    store: &Store,
    signal: &Signal,
    files: &[&StateFile],
    part: Part,
) -> Result<Vec<PartialState>> {
    let reads = files.iter().map(|file| read_part(store, signal, file, part));
    let states = stream::iter(reads).buffered(READS_AT_ONCE).try_collect::<Vec<_>>().await?;
    Ok(states.into_iter().flatten().collect())
}

async fn read_part(store: &Store, signal: &Signal, file: &StateFile, part: Part) -> Result<Vec<PartialState>> {
    let damaged = || Error::DamagedState {
        path: file.path.clone(),
        signal: signal.name().to_owned(),
        fingerprint: signal.cut.fingerprint().clone(),
    };
    let explain = |source| Error::Signal { signal: signal.name().to_owned(), source };
    let (wanted, fills) = part.sections(file.sections.len());
    let before = file.sections[..wanted.start].iter().map(|section| section.bytes).sum::<u64>();
    let length = file.sections[wanted.clone()].iter().map(|section| section.bytes).sum::<u64>();
    let bytes = store.get_range(&file.path, before..before + length).await?.ok_or_else(damaged)?;
    let mut states = Vec::new();
    let mut from = 0;
    for section in &file.sections[wanted] {
        let to = from + usize::try_from(section.bytes).unwrap_or(usize::MAX);
        let encoded = bytes.get(from..to).filter(|encoded| trailer(encoded) == section.sha256).ok_or_else(damaged)?;
        from = to;
        let state = signal.cut.decode(encoded).map_err(|error| match error {
            tidegate_algebra::Error::CorruptState { .. } => damaged(),
            other => explain(other),
        })?;
        states.push(if fills { state } else { signal.cut.part_of(&state, part).map_err(explain)? });
    }
    Ok(states)
}

/// The digest that ends an encoded state, in hex. Decoding checks it against the bytes.
fn trailer(encoded: &[u8]) -> String {
    let digest = &encoded[encoded.len().saturating_sub(16)..];
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
