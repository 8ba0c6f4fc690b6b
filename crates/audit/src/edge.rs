//! How does the tree grow by one entry, without reading the rest of it?
//!
//! Of each level that is kept, the last tile: at most 255 hashes, from which the root follows.

use crate::merkle::{self, Hash};
use crate::tile::{Kind, Tile, WIDTH};

/// The right edge of a tree.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    size: u64,
    /// Of each level the hashes of its last tile, which is not full.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The tiles of hashes that the edge of a tree of `size` entries consists of, lowest first.
    pub fn tiles(size: u64) -> impl Iterator<Item = Option<Tile>> {
        let counts = (0_u8..8).map(move |level| (level, size >> (8 * u32::from(level))));
        counts.take_while(|(_, count)| *count > 0).map(|(level, count)| {
            let tile = Tile { kind: Kind::Hashes { level }, index: count / WIDTH, width: count % WIDTH };
            (tile.width > 0).then_some(tile)
        })
    }

    /// The edge of a tree of `size` entries, from the hashes of [`tiles`](Self::tiles); `None` where they are not of this
    /// size.
    pub fn of(size: u64, levels: Vec<Vec<Hash>>) -> Option<Self> {
        let widths = Self::tiles(size).map(|tile| tile.map_or(0, |tile| tile.width as usize));
        widths.eq(levels.iter().map(Vec::len)).then_some(Self { size, levels })
    }

    /// Adds an entry, and shows each tile that changed, lowest first.
    pub fn push(&mut self, leaf: Hash, mut changed: impl FnMut(Tile, &[Hash])) {
        let mut hash = leaf;
        for level in 0_u8.. {
            let above = usize::from(level);
            if self.levels.len() == above {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[above];
            hashes.push(hash);
            let index = self.size >> (8 * (u32::from(level) + 1));
            changed(Tile { kind: Kind::Hashes { level }, index, width: hashes.len() as u64 }, hashes);
            if (hashes.len() as u64) < WIDTH {
                break;
            }
            hash = merkle::whole_root(hashes);
            hashes.clear();
        }
        self.size += 1;
    }

    /// How many entries the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the entries in the last tile of the lowest level, as long as it is not full.
    pub(crate) fn last_leaves(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The hash of the whole tree.
    pub fn root(&self) -> Hash {
        let tiles = self.levels.iter().rev();
        let subtrees = tiles.flat_map(|hashes| {
            let parts = merkle::subtrees(&(0..hashes.len() as u64)).into_iter();
            parts.scan(0, |start, part| {
                let hashes = &hashes[*start..*start + (1 << part.height)];
                *start += hashes.len();
                Some(merkle::whole_root(hashes))
            })
        });
        merkle::join(subtrees.collect::<Vec<_>>().into_iter())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tile;

    /// Beyond 256^2, so that three levels take part.
    #[test]
    fn tiles_and_roots_are_those_of_the_whole_tree() {
        let size = 256 * 256 + 300;
        let leaves: Vec<Hash> = (0..size).map(|i: u64| merkle::leaf_hash(&i.to_be_bytes())).collect();
        let mut edge = Edge::default();
        let mut tiles = BTreeMap::new();
        assert_eq!(edge.root(), merkle::empty_root());
        for (i, leaf) in leaves.iter().enumerate() {
            edge.push(*leaf, |tile, hashes| drop(tiles.insert(tile, hashes.to_vec())));
            if [0, 1, 2, 254, 255, 256, 1023, 65_535, 65_536, 65_835].contains(&i) {
                let whole = merkle::subtrees(&(0..i as u64 + 1)).into_iter().map(|part| {
                    let start = (part.index << part.height) as usize;
                    merkle::whole_root(&leaves[start..start + (1 << part.height)])
                });
                assert_eq!(edge.root(), merkle::join(whole.collect::<Vec<_>>().into_iter()), "{i}");
            }
        }
        let needed: Vec<Tile> = tile::all_of(size).filter(|tile| tile.kind != Kind::Entries).collect();
        assert!(needed.iter().all(|tile| tiles[tile].len() as u64 == tile.width));

        let levels = Edge::tiles(size).map(|tile| tile.map_or_else(Vec::new, |tile| tiles[&tile].clone())).collect();
        assert_eq!(Edge::of(size, levels).map(|edge| edge.root()), Some(edge.root()));
        assert!(Edge::of(size, vec![vec![]]).is_none());
    }
}
