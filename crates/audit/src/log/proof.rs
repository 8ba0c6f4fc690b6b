//! How is it shown that an entry is in the log, and that the log begins with what it was?
//!
//! From O(log n) tiles. A proof is checked before it is handed out, since tiles are not signed.

use std::collections::HashMap;
use std::ops::Range;

use futures::future::try_join_all;

use super::Reader;
use super::reader::CHECKPOINT;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Fault, Result};
use crate::key::PublicKey;
use crate::merkle::{self, Hash, Subtree};
use crate::tile::{Kind, Tile, WIDTH};

/// What shows, without the log, that an entry is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// The entry's number.
    pub index: u64,
    /// The siblings on the way to the root, from below.
    pub path: Vec<Hash>,
    /// The signed checkpoint that the path leads to.
    pub note: String,
}

impl Inclusion {
    /// The checkpoint of the log `origin` that has `entry` at this index.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the note is not signed by the log, or the path does not lead from the entry to it.
    pub fn verify(&self, entry: &[u8], origin: &str, key: &PublicKey) -> Result<Checkpoint> {
        let checkpoint = Checkpoint::verify(self.note.as_bytes(), origin, key)?;
        let leaf = merkle::leaf_hash(entry);
        if merkle::verify_inclusion(&leaf, self.index, checkpoint.size, &self.path, &checkpoint.root) {
            return Ok(checkpoint);
        }
        Err(Error::Checkpoint { problem: format!("its tree has another entry {}", self.index) })
    }
}

impl Reader {
    /// Shows that entry `index` is in the log.
    ///
    /// # Errors
    /// [`Error::NoEntry`] beyond the checkpoint, [`Error::Damaged`] when the tiles do not give its root, or the store's own
    /// errors.
    pub async fn prove_inclusion(&self, index: u64) -> Result<Inclusion> {
        let note = self.note().await?.unwrap_or_default();
        if note.is_empty() {
            return Err(Error::NoEntry { index, size: 0 });
        }
        let checkpoint = Checkpoint::verify(&note, self.origin(), self.key())?;
        let size = checkpoint.size;
        if index >= size {
            return Err(Error::NoEntry { index, size });
        }
        let mut parts = merkle::inclusion_parts(index, size);
        parts.push(index..index + 1);
        let mut path = self.roots(&parts, size).await?;
        let leaf = path.pop().ok_or(Error::NoEntry { index, size })?;
        if !merkle::verify_inclusion(&leaf, index, size, &path, &checkpoint.root) {
            return Err(self.damage_at(CHECKPOINT, Fault::Root));
        }
        // A checkpoint that was verified is UTF-8.
        Ok(Inclusion { index, path, note: String::from_utf8_lossy(&note).into_owned() })
    }

    /// Makes sure that the log begins with what it was at an older checkpoint of it, and returns what it is now.
    ///
    /// # Errors
    /// [`Error::Rewritten`] when it does not, or is shorter; [`Error::Damaged`] when a tile is missing; or the store's own
    /// errors.
    pub async fn verify_consistency(&self, old: &Checkpoint) -> Result<Checkpoint> {
        let now = self.checkpoint().await?;
        let now = now.ok_or_else(|| self.damage_at(CHECKPOINT, Fault::Missing))?;
        if old.origin != now.origin {
            let problem = format!("the older one is of the log `{}`, not `{}`", old.origin, now.origin);
            return Err(Error::Checkpoint { problem });
        }
        let rewritten = Error::Rewritten { old: old.size, new: now.size };
        if old.size > now.size {
            return Err(rewritten);
        }
        let proof = self.prove_consistency(old.size, now.size).await?;
        if merkle::verify_consistency(old.size, &old.root, now.size, &now.root, &proof) {
            return Ok(now);
        }
        Err(rewritten)
    }

    /// The hashes that show to [`merkle::verify_consistency`] that the tree of `old` entries is the beginning of the one of
    /// `new`.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a tile is missing, or the store's own errors.
    pub async fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        if old == 0 || old >= new {
            return Ok(Vec::new());
        }
        self.roots(&merkle::consistency_parts(old, new), new).await
    }

    /// The hashes of some parts of a tree of `size` entries.
    async fn roots(&self, parts: &[Range<u64>], size: u64) -> Result<Vec<Hash>> {
        let mut tiles = HashMap::new();
        for subtree in parts.iter().flat_map(merkle::subtrees) {
            let tile = tile_of(&subtree, size);
            tiles.entry((tile.kind, tile.index)).or_insert(tile);
        }
        let read = tiles.into_iter().map(|(key, tile)| async move { Ok::<_, Error>((key, self.hashes(&tile).await?)) });
        let tiles: HashMap<_, _> = try_join_all(read).await?.into_iter().collect();
        let root = |subtree: Subtree| {
            let tile = tile_of(&subtree, size);
            let count = 1 << (subtree.height % 8);
            let start = (subtree.index * count % WIDTH) as usize;
            merkle::whole_root(&tiles[&(tile.kind, tile.index)][start..start + count as usize])
        };
        let roots = parts.iter().map(|part| {
            let subtrees: Vec<Hash> = merkle::subtrees(part).into_iter().map(root).collect();
            merkle::join(subtrees.into_iter())
        });
        Ok(roots.collect())
    }
}

/// The tile that holds the hashes that make up a subtree.
fn tile_of(subtree: &Subtree, size: u64) -> Tile {
    let level = (subtree.height / 8) as u8;
    let index = (subtree.index << (subtree.height % 8)) / WIDTH;
    let width = WIDTH.min((size >> (8 * u32::from(level))) - index * WIDTH);
    Tile { kind: Kind::Hashes { level }, index, width }
}
