//! How does the log grow, and who may let it grow?
//!
//! Whoever holds the log's key. The one atomic act is to create the next beginning of the last bundle of entries: all that
//! it holds and one entry more. Everything else follows from the entries, so any writer can do it again:
//!
//! ```text
//! create   tile/entries/000.p/3    entries 0, 1, 2        of several writers one creates it
//! create   tile/0/000.p/3          their hashes           the same bytes, whoever writes them
//! replace  checkpoint              size 3, root           may go back for a moment; then whoever wrote it
//! read     tile/entries/000.p/4    is there more?         finds what was appended meanwhile, and goes on from there
//! ```
//!
//! A bundle or tile that is full supersedes its beginnings, and they are deleted. So a writer that slept through that may
//! create a beginning of a full bundle that never was: having created one, each looks whether the full bundle is there.
//!
//! Absent: locks, leases, and what the entries mean.

mod proof;
mod reader;
mod verify;

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use tidegate_ledger::{Created, Store};

pub use proof::Inclusion;
pub use reader::Reader;

use crate::canonical::first_difference;
use crate::checkpoint::Checkpoint;
use crate::edge::Edge;
use crate::envelope::Envelope;
use crate::error::{Error, Fault, Result};
use crate::key::PrivateKey;
use crate::merkle::{Hash, leaf_hash};
use crate::tile::{self, Kind, Tile, WIDTH};

/// Where a project keeps its log.
pub const FOLDER: &str = "audit";

/// The writing end of a log.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tidegate_audit::Result<()> {
/// use tidegate_audit::{AuditLog, Envelope, Keyring, PrivateKey, Statement, Subject};
/// use tidegate_ledger::Store;
///
/// # let folder = tempfile::tempdir().unwrap();
/// let (alice, log_key) = (PrivateKey::generate()?, PrivateKey::generate()?);
/// let mut keys = Keyring::default();
/// keys.add("alice", alice.public())?;
///
/// let mut log = AuditLog::open(Store::open_local(&folder)?, "audit", "example.com/audit", log_key).await?;
/// let statement = Statement::new(vec![Subject::of("v2", b"...")], "https://example.com/approval/v1", [])?;
/// let index = log.append_once(&Envelope::sign(statement, &alice).encode()).await?;
///
/// let checkpoint = log.reader().verify(&keys).await?;
/// assert_eq!((index, checkpoint.size), (0, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AuditLog {
    reader: Reader,
    key: PrivateKey,
    edge: Edge,
    /// The bytes of the last bundle of entries, while it is not full.
    bundle: Vec<u8>,
    /// Tiles of hashes that are not written yet, as far as this writer knows.
    pending: Vec<(Tile, Vec<u8>)>,
    /// Bundles and tiles that are full and may have beginnings beside them.
    filled: Vec<Tile>,
    /// The size of the last checkpoint that was written or read; `None` before there was one.
    published: Option<u64>,
    /// The places of all leaf hashes, once somebody asked for one.
    places: Option<HashMap<Hash, u64>>,
}

impl AuditLog {
    /// Opens the log below `folder`, which may be empty, and completes what a writer that died left undone.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the log is of another origin or key, [`Error::Damaged`] where its right edge is not what
    /// was signed, or the store's own errors.
    pub async fn open(store: Store, folder: &str, origin: &str, key: PrivateKey) -> Result<Self> {
        let reader = Reader::new(store, folder, origin, key.public())?;
        let checkpoint = reader.checkpoint().await?;
        let published = checkpoint.as_ref().map(|checkpoint| checkpoint.size);
        let (edge, bundle) = match checkpoint {
            Some(checkpoint) => (reader.edge(&checkpoint).await?, reader.last_bundle(checkpoint.size).await?),
            None => (Edge::default(), Vec::new()),
        };
        let filled = last_full(edge.size());
        let (pending, places) = (Vec::new(), None);
        let mut log = Self { reader, key, edge, bundle, pending, filled, published, places };
        log.check_bundle()?;
        log.catch_up().await?;
        log.publish().await?;
        log.tidy().await?;
        Ok(log)
    }

    /// The reading end.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// How many entries this writer has seen.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Appends an envelope and returns its index. When this returns, the entry is durable, and a checkpoint that has it is
    /// written.
    ///
    /// A call that failed may have appended the entry all the same: to try again is to risk it twice, unless with
    /// [`append_once`](Self::append_once).
    ///
    /// # Errors
    /// [`Error::Envelope`] or [`Error::Statement`] when it is none, [`Error::TooLong`], [`Error::Damaged`], or the store's own
    /// errors.
    pub async fn append(&mut self, envelope: &[u8]) -> Result<u64> {
        Envelope::decode(envelope)?;
        loop {
            if let Some(index) = self.try_append(envelope).await? {
                self.publish().await?;
                return Ok(index);
            }
            self.catch_up().await?;
        }
    }

    /// Appends an envelope unless it is an entry already, and returns its index either way. Calling again after any error is
    /// safe, also from several processes at once. The first call reads the hashes of all entries.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_once(&mut self, envelope: &[u8]) -> Result<u64> {
        Envelope::decode(envelope)?;
        let leaf = leaf_hash(envelope);
        self.publish().await?;
        self.load_places().await?;
        loop {
            if let Some(index) = self.places.as_ref().and_then(|places| places.get(&leaf)) {
                let index = *index;
                self.publish().await?;
                return Ok(index);
            }
            if let Some(index) = self.try_append(envelope).await? {
                self.publish().await?;
                return Ok(index);
            }
            self.catch_up().await?;
        }
    }

    /// Creates the next beginning of the last bundle; `None` when another writer was first.
    async fn try_append(&mut self, entry: &[u8]) -> Result<Option<u64>> {
        let index = self.edge.size();
        let next = Tile { kind: Kind::Entries, index: index / WIDTH, width: index % WIDTH + 1 };
        let mut bundle = self.bundle.clone();
        tile::push_entry(&mut bundle, entry).ok_or(Error::TooLong { bytes: entry.len() })?;
        let (path, bytes) = (self.reader.path(&next.path()), Bytes::from(bundle));
        let store = self.reader.store();
        if store.create(&path, bytes.clone()).await? == Created::AlreadyExists
            && store.get(&path).await?.as_ref() != Some(&bytes)
        {
            return Ok(None);
        }
        if !next.is_full()
            && let Some(full) = self.reader.get(&Tile::full(next.kind, next.index)).await?
            && !full.starts_with(&bytes)
        {
            // What was created never was a beginning of this bundle: the true one was deleted before.
            store.delete(&path).await?;
            return Ok(None);
        }
        self.absorb(&next, &bytes)?;
        Ok(Some(index))
    }

    /// Takes in what others have appended since.
    async fn catch_up(&mut self) -> Result<()> {
        while let Some((tile, bytes)) = self.reader.newest_bundle(self.edge.size()).await? {
            self.absorb(&tile, &bytes)?;
        }
        Ok(())
    }

    /// Goes on with a bundle that holds more than what was seen.
    fn absorb(&mut self, tile: &Tile, bytes: &[u8]) -> Result<()> {
        let damaged = |at: usize, what| self.reader.damage(tile, at, what);
        if !bytes.starts_with(&self.bundle) {
            let at = first_difference(bytes, &self.bundle).unwrap_or_default();
            return Err(damaged(at, Fault::Changed));
        }
        let added: Result<Vec<_>, usize> = tile::entries(&bytes[self.bundle.len()..]).collect();
        let added = added.map_err(|at| damaged(self.bundle.len() + at, Fault::Bundle { entries: tile.width }))?;
        if self.edge.size() + added.len() as u64 != tile.index * WIDTH + tile.width {
            return Err(damaged(bytes.len(), Fault::Bundle { entries: tile.width }));
        }
        for (_, entry) in added {
            let leaf = leaf_hash(entry);
            if let Some(places) = &mut self.places {
                places.entry(leaf).or_insert(self.edge.size());
            }
            self.edge.push(leaf, |tile, hashes| {
                self.pending.push((tile, tile::encode_hashes(hashes)));
                self.filled.extend(tile.is_full().then_some(tile));
            });
        }
        if tile.is_full() {
            self.filled.push(*tile);
            self.bundle.clear();
        } else {
            self.bundle = bytes.to_vec();
        }
        Ok(())
    }

    /// Writes what follows from the entries, until no writer has added any.
    ///
    /// The checkpoint of another writer may be replaced by an older one of ours. We look for more entries after that, and so
    /// does the other: whoever writes the last one has found all.
    async fn publish(&mut self) -> Result<()> {
        while self.published != Some(self.edge.size()) {
            self.write_tiles().await?;
            let checkpoint = self.head();
            let note = Bytes::from(checkpoint.sign(&self.key));
            self.reader.store().replace(&self.reader.path(reader::CHECKPOINT), note).await?;
            self.published = Some(checkpoint.size);
            self.catch_up().await?;
        }
        if self.filled.is_empty() { Ok(()) } else { self.tidy().await }
    }

    async fn write_tiles(&mut self) -> Result<()> {
        let filled: HashSet<(Kind, u64)> = self.filled.iter().map(|tile| (tile.kind, tile.index)).collect();
        self.pending.retain(|(tile, _)| tile.is_full() || !filled.contains(&(tile.kind, tile.index)));
        // What was written is written again if a later one fails.
        for (tile, bytes) in &self.pending {
            let bytes = Bytes::copy_from_slice(bytes);
            if self.reader.store().create(&self.reader.path(&tile.path()), bytes.clone()).await? == Created::New {
                continue;
            }
            // A beginning that is gone was deleted, because the full tile is there.
            let found = self.reader.get(tile).await?;
            if let Some(at) = found.and_then(|found| first_difference(&found, &bytes)) {
                return Err(self.reader.damage(tile, at, Fault::Changed));
            }
        }
        self.pending.clear();
        Ok(())
    }

    /// Deletes the beginnings of what is full.
    async fn tidy(&mut self) -> Result<()> {
        while let Some(full) = self.filled.last() {
            let store = self.reader.store();
            for path in store.list(&self.reader.path(&full.partials())).await? {
                store.delete(&path).await?;
            }
            self.filled.pop();
        }
        Ok(())
    }

    fn head(&self) -> Checkpoint {
        Checkpoint { origin: self.reader.origin().to_owned(), size: self.edge.size(), root: self.edge.root() }
    }

    /// Whether the last bundle is the one whose hashes were signed.
    fn check_bundle(&self) -> Result<()> {
        let size = self.edge.size();
        let tile = Tile { kind: Kind::Entries, index: size / WIDTH, width: size % WIDTH };
        let mut hashes = self.edge.last_leaves().iter();
        let mut number = size - tile.width;
        for entry in tile::entries(&self.bundle) {
            let (at, entry) =
                entry.map_err(|at| self.reader.damage(&tile, at, Fault::Bundle { entries: tile.width }))?;
            if hashes.next() != Some(&leaf_hash(entry)) {
                return Err(self.reader.damage(&tile, at, Fault::Replaced { index: number }));
            }
            number += 1;
        }
        if number == size {
            return Ok(());
        }
        Err(self.reader.damage(&tile, self.bundle.len(), Fault::Bundle { entries: tile.width }))
    }

    /// Reads where each entry is. The hashes are those that the checkpoint stands for: they give its root.
    async fn load_places(&mut self) -> Result<()> {
        if self.places.is_some() {
            return Ok(());
        }
        let (mut places, mut edge) = (HashMap::new(), Edge::default());
        while edge.size() < self.edge.size() {
            let width = WIDTH.min(self.edge.size() - edge.size());
            let tile = Tile { kind: Kind::Hashes { level: 0 }, index: edge.size() / WIDTH, width };
            for leaf in self.reader.hashes(&tile).await? {
                places.entry(leaf).or_insert(edge.size());
                edge.push(leaf, |_, _| ());
            }
        }
        if edge.root() != self.edge.root() {
            return Err(self.reader.damage_at(reader::CHECKPOINT, Fault::Root));
        }
        self.places = Some(places);
        Ok(())
    }
}

/// The last full bundle and the last full tile of each level: a writer may have died before it deleted their beginnings.
fn last_full(size: u64) -> Vec<Tile> {
    let hashes = (0_u8..8).map(|level| (Kind::Hashes { level }, size >> (8 * u32::from(level))));
    let kinds = std::iter::once((Kind::Entries, size)).chain(hashes);
    kinds.filter_map(|(kind, count)| Some(Tile::full(kind, (count / WIDTH).checked_sub(1)?))).collect()
}
