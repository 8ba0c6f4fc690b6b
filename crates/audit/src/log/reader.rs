//! What does the log hold?

use bytes::Bytes;
use futures::{Stream, TryStreamExt, stream};
use tidegate_ledger::Store;

use crate::checkpoint::{Checkpoint, check_origin};
use crate::edge::Edge;
use crate::error::{Damage, Error, Fault, Result};
use crate::key::PublicKey;
use crate::merkle::Hash;
use crate::tile::{self, Kind, Tile, WIDTH};

/// The name of the one file that is replaced.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// The reading end of a log. It never writes.
#[derive(Clone, Debug)]
pub struct Reader {
    store: Store,
    folder: String,
    origin: String,
    key: PublicKey,
}

impl Reader {
    /// The log below `folder`, named `origin`, whose checkpoints `key` signs.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the origin cannot be one.
    pub fn new(store: Store, folder: &str, origin: &str, key: PublicKey) -> Result<Self> {
        check_origin(origin).map_err(|problem| Error::Checkpoint { problem })?;
        let folder = folder.trim_end_matches('/').to_owned();
        Ok(Self { store, folder, origin: origin.to_owned(), key })
    }

    /// The newest checkpoint, or nothing when there is no log.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is not one of this log, or the store's own errors.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        let note = self.note().await?;
        note.map(|note| Checkpoint::verify(&note, &self.origin, &self.key)).transpose()
    }

    /// The envelope with a number.
    ///
    /// # Errors
    /// [`Error::NoEntry`] beyond the checkpoint, [`Error::Damaged`] when its bundle cannot be read, or the store's own errors.
    /// That the entry is the one that was signed is shown by [`prove_inclusion`](Self::prove_inclusion).
    pub async fn entry(&self, index: u64) -> Result<Bytes> {
        let size = self.checkpoint().await?.map_or(0, |checkpoint| checkpoint.size);
        if index >= size {
            return Err(Error::NoEntry { index, size });
        }
        let width = WIDTH.min(size - index / WIDTH * WIDTH);
        let tile = Tile { kind: Kind::Entries, index: index / WIDTH, width };
        let bundle = self.tile(&tile).await?;
        let entry = tile::entries(&bundle).nth((index % WIDTH) as usize);
        match entry {
            Some(Ok((at, entry))) => Ok(bundle.slice(at + 2..at + 2 + entry.len())),
            Some(Err(at)) => Err(self.damage(&tile, at, Fault::Bundle { entries: width })),
            None => Err(self.damage(&tile, bundle.len(), Fault::Bundle { entries: width })),
        }
    }

    /// All envelopes in order, each with its number, up to the last one that was appended when the stream came there.
    /// Nothing is verified.
    pub fn entries(&self) -> impl Stream<Item = Result<(u64, Bytes)>> + '_ {
        let bundles = stream::try_unfold(0, move |size| async move {
            let Some((tile, bundle)) = self.newest_bundle(size).await? else { return Ok(None) };
            let (start, end) = (tile.index * WIDTH, tile.index * WIDTH + tile.width);
            let entries: Result<Vec<_>> = tile::entries(&bundle)
                .enumerate()
                .map(|(i, entry)| match entry {
                    Ok((at, entry)) => Ok((start + i as u64, bundle.slice(at + 2..at + 2 + entry.len()))),
                    Err(at) => Err(self.damage(&tile, at, Fault::Bundle { entries: tile.width })),
                })
                .collect();
            let fresh = entries?.into_iter().filter(move |(index, _)| *index >= size);
            Ok::<_, Error>(Some((stream::iter(fresh.map(Ok)), end)))
        });
        bundles.try_flatten()
    }

    /// The newest bundle that holds entry number `size`, or nothing when the log ends there. Reads O(log 256) files.
    pub(super) async fn newest_bundle(&self, size: u64) -> Result<Option<(Tile, Bytes)>> {
        let (kind, index) = (Kind::Entries, size / WIDTH);
        let mut newest = None;
        // There are `low` entries for sure, and there are not `high`, unless the bundle is full.
        let (mut low, mut high, mut step) = (size % WIDTH, WIDTH, 1);
        while high - low > 1 {
            step = step.min((high - low) / 2);
            let tile = Tile { kind, index, width: low + step };
            match self.get(&tile).await? {
                Some(bytes) => {
                    (low, step) = (tile.width, 2 * step);
                    newest = Some((tile, bytes));
                }
                None => high = tile.width,
            }
        }
        // Last: while there is no full bundle, nobody has deleted a beginning, and none of those above is false.
        let full = Tile::full(kind, index);
        Ok(self.get(&full).await?.map(|bytes| (full, bytes)).or(newest))
    }

    /// The right edge of the tree of a checkpoint.
    pub(super) async fn edge(&self, checkpoint: &Checkpoint) -> Result<Edge> {
        let mut levels = Vec::new();
        for tile in Edge::tiles(checkpoint.size) {
            levels.push(match tile {
                Some(tile) => self.hashes(&tile).await?,
                None => Vec::new(),
            });
        }
        let edge = Edge::of(checkpoint.size, levels).filter(|edge| edge.root() == checkpoint.root);
        edge.ok_or_else(|| self.damage_at(CHECKPOINT, Fault::Root))
    }

    /// The bundle that a log of `size` entries ends with, if it is not full.
    pub(super) async fn last_bundle(&self, size: u64) -> Result<Vec<u8>> {
        if size.is_multiple_of(WIDTH) {
            return Ok(Vec::new());
        }
        let tile = Tile { kind: Kind::Entries, index: size / WIDTH, width: size % WIDTH };
        Ok(self.tile(&tile).await?.to_vec())
    }

    /// The hashes of a tile.
    pub(super) async fn hashes(&self, tile: &Tile) -> Result<Vec<Hash>> {
        let bytes = self.tile(tile).await?;
        let hashes = tile::decode_hashes(&bytes).filter(|hashes| hashes.len() as u64 == tile.width);
        let (expected, found) = (32 * tile.width, bytes.len() as u64);
        hashes.ok_or_else(|| self.damage(tile, bytes.len(), Fault::Length { expected, found }))
    }

    /// A tile or bundle that must be there: itself, or as the beginning of the full one that superseded it.
    async fn tile(&self, tile: &Tile) -> Result<Bytes> {
        if let Some(bytes) = self.get(tile).await? {
            return Ok(bytes);
        }
        let full = self.get(&Tile::full(tile.kind, tile.index)).await?;
        let full = full.ok_or_else(|| self.damage(tile, 0, Fault::Missing))?;
        let end = match tile.kind {
            Kind::Hashes { .. } => Some(32 * tile.width as usize),
            Kind::Entries => match tile::entries(&full).nth(tile.width as usize) {
                Some(Ok((at, _))) => Some(at),
                _ => None,
            },
        };
        let end = end.filter(|end| *end <= full.len());
        end.map(|end| full.slice(..end)).ok_or_else(|| self.damage(tile, 0, Fault::Missing))
    }

    /// The bytes of the checkpoint.
    pub(super) async fn note(&self) -> Result<Option<Bytes>> {
        Ok(self.store.get(&self.path(CHECKPOINT)).await?)
    }

    /// The bytes of one file.
    pub(super) async fn get(&self, tile: &Tile) -> Result<Option<Bytes>> {
        Ok(self.store.get(&self.path(&tile.path())).await?)
    }

    /// The paths of all files of the log, relative to its folder.
    pub(super) async fn list(&self) -> Result<Vec<String>> {
        let files = self.store.list(&self.folder).await?;
        let relative = |file: String| file.get(self.folder.len() + 1..).map(str::to_owned).unwrap_or(file);
        Ok(files.into_iter().map(relative).collect())
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Which log it is.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whose signatures its checkpoints have.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.folder)
    }

    pub(super) fn damage(&self, tile: &Tile, offset: usize, what: Fault) -> Error {
        Error::Damaged(Damage { file: self.path(&tile.path()), offset: offset as u64, what })
    }

    pub(super) fn damage_at(&self, file: &str, what: Fault) -> Error {
        Error::Damaged(Damage { file: self.path(file), offset: 0, what })
    }
}
