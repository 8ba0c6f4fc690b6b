//! Is everything in the folder what was written, to the last byte?
//!
//! Who finds several files wrong must say which of them to blame. What is signed decides: first the checkpoint, then the
//! names that follow from its size, then the envelopes. If the entries give the root that was signed, they are right, and
//! whatever differs from them is wrong; if not, the first entry whose hash is not in its tile is.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::Reader;
use super::reader::CHECKPOINT;
use crate::canonical::first_difference;
use crate::checkpoint::Checkpoint;
use crate::edge::Edge;
use crate::envelope::Envelope;
use crate::error::{Damage, Error, Fault, Result};
use crate::key::Keyring;
use crate::merkle::leaf_hash;
use crate::tile::{self, Kind, Tile, WIDTH};

/// How many bundles are fetched at once.
const FETCHES: usize = 8;

impl Reader {
    /// Recomputes the whole log from its entries, and compares every file below its folder with what it must be.
    ///
    /// Meant for a log at rest, or a copy: what a writer is about to complete is told as damage. The answer is the same for
    /// the same bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] names the first wrong file and byte, or the store's own errors.
    pub async fn verify(&self, keys: &Keyring) -> Result<Checkpoint> {
        let note = self.note().await?.ok_or_else(|| self.damage_at(CHECKPOINT, Fault::Missing))?;
        let checkpoint = Checkpoint::verify_own(&note, self.origin(), self.key())
            .map_err(|e| self.damage_at(CHECKPOINT, Fault::Checkpoint { problem: problem(e) }))?;
        let size = checkpoint.size;
        let files = self.names(size).await?;
        let (edge, newest) = (Edge::default(), BTreeMap::new());
        let mut check = Check { log: self, keys, files, edge, newest, replaced: None, changed: None };

        let bundles = (0..size.div_ceil(WIDTH)).map(|index| async move {
            let tile = Tile { kind: Kind::Entries, index, width: WIDTH.min(size - index * WIDTH) };
            let bytes = self.get(&tile).await?;
            Ok::<_, Error>((tile, bytes.ok_or_else(|| self.damage(&tile, 0, Fault::Missing))?))
        });
        let mut bundles = stream::iter(bundles).buffered(FETCHES);
        while let Some((tile, bytes)) = bundles.try_next().await? {
            check.bundle(tile, &bytes).await?;
        }
        check.compare_newest().await?;

        if check.edge.root() != checkpoint.root {
            let blamed = check.replaced.or(check.changed);
            return Err(blamed.map_or_else(|| self.damage_at(CHECKPOINT, Fault::Root), Error::Damaged));
        }
        check.changed.map_or(Ok(checkpoint), |damage| Err(Error::Damaged(damage)))
    }

    /// All tiles and bundles of the log, when each file has a name that it may have, and none is missing.
    async fn names(&self, size: u64) -> Result<BTreeSet<Tile>> {
        let mut files = BTreeSet::new();
        for file in self.list().await? {
            match Tile::parse(&file) {
                _ if file == CHECKPOINT => {}
                None => return Err(self.damage_at(&file, Fault::Stranger)),
                Some(tile) if is_beyond(&tile, size) => return Err(self.damage_at(&file, Fault::Beyond { size })),
                Some(tile) => drop(files.insert(tile)),
            }
        }
        match tile::all_of(size).find(|tile| !files.contains(tile)) {
            Some(missing) => Err(self.damage(&missing, 0, Fault::Missing)),
            None => Ok(files),
        }
    }
}

/// What was computed from the entries so far, and the first that differs from it.
struct Check<'a> {
    log: &'a Reader,
    keys: &'a Keyring,
    files: BTreeSet<Tile>,
    edge: Edge,
    /// Of each level the tile that is not compared yet.
    newest: BTreeMap<Kind, (Tile, Vec<u8>)>,
    /// The first entry whose hash is not in its tile.
    replaced: Option<Damage>,
    /// The first file that differs from what follows from the entries.
    changed: Option<Damage>,
}

impl Check<'_> {
    /// Verifies the entries of a bundle, and compares what it completes.
    async fn bundle(&mut self, tile: Tile, bytes: &Bytes) -> Result<()> {
        let mut starts = Vec::new();
        let mut full = Vec::new();
        for entry in tile::entries(bytes) {
            let (at, entry) = entry.map_err(|at| self.log.damage(&tile, at, Fault::Bundle { entries: tile.width }))?;
            let index = self.edge.size();
            let read = Envelope::decode(entry).and_then(|envelope| envelope.verify(self.keys).map(drop));
            read.map_err(|e| self.log.damage(&tile, at, Fault::Entry { index, problem: e.to_string() }))?;
            self.edge.push(leaf_hash(entry), |tile, hashes| {
                let bytes = tile::encode_hashes(hashes);
                if tile.is_full() {
                    self.newest.remove(&tile.kind);
                    full.push((tile, bytes));
                } else {
                    self.newest.insert(tile.kind, (tile, bytes));
                }
            });
            starts.push(at);
        }
        if starts.len() as u64 != tile.width {
            return Err(self.log.damage(&tile, bytes.len(), Fault::Bundle { entries: tile.width }));
        }
        let ends = |width: u64| starts.get(width as usize).copied().unwrap_or(bytes.len());
        self.compare(tile, |width| &bytes[..ends(width)]).await?;
        // Of the last bundle the hashes may not fill a tile.
        let leaves = full.first().or_else(|| self.newest.get(&Kind::Hashes { level: 0 })).cloned();
        if let (Some((hashes, right)), None) = (leaves, &self.replaced) {
            let found = self.log.get(&hashes).await?.unwrap_or_default();
            if let Some(at) = first_difference(&found, &right) {
                let place = (at / 32).min(starts.len() - 1);
                let what = Fault::Replaced { index: tile.index * WIDTH + place as u64 };
                self.replaced = Some(self.damage(&tile, starts[place], what));
            }
        }
        for (tile, right) in full {
            self.compare(tile, |width| &right[..32 * width as usize]).await?;
        }
        Ok(())
    }

    /// Compares the tiles at the right edge.
    async fn compare_newest(&mut self) -> Result<()> {
        for (tile, right) in std::mem::take(&mut self.newest).into_values() {
            self.compare(tile, |width| &right[..32 * width as usize]).await?;
        }
        Ok(())
    }

    /// Compares a file, and those that lie there as its beginnings, with the right bytes.
    async fn compare<'r>(&mut self, newest: Tile, right: impl Fn(u64) -> &'r [u8]) -> Result<()> {
        let group = Tile { width: 1, ..newest }..=newest;
        for tile in self.files.range(group) {
            if self.changed.is_some() {
                break;
            }
            let found = self.log.get(tile).await?;
            let right = right(tile.width);
            let damage = match found {
                None => Some((0, Fault::Missing)),
                Some(found) => first_difference(&found, right).map(|at| {
                    let (expected, found) = (right.len() as u64, found.len() as u64);
                    let cut = at as u64 == expected.min(found);
                    (at, if cut { Fault::Length { expected, found } } else { Fault::Changed })
                }),
            };
            self.changed = damage.map(|(at, what)| self.damage(tile, at, what));
        }
        Ok(())
    }

    fn damage(&self, tile: &Tile, offset: usize, what: Fault) -> Damage {
        Damage { file: self.log.path(&tile.path()), offset: offset as u64, what }
    }
}

/// Whether a tile speaks of more entries than there are.
fn is_beyond(tile: &Tile, size: u64) -> bool {
    let height = match tile.kind {
        Kind::Entries => 0,
        Kind::Hashes { level } => 8 * u32::from(level),
    };
    let count = tile.index.checked_mul(WIDTH).and_then(|start| start.checked_add(tile.width));
    count.is_none_or(|count| count > size.checked_shr(height).unwrap_or(0))
}

/// What is wrong, without saying again what it is wrong with.
fn problem(error: Error) -> String {
    match error {
        Error::Checkpoint { problem } => problem,
        other => other.to_string(),
    }
}
