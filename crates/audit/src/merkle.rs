//! Which one hash stands for a list, and how is it shown that an entry, or an older list, is in it?
//!
//! The tree of [RFC 6962, section 2](https://www.rfc-editor.org/rfc/rfc6962#section-2.1) with SHA-256. A list of n > 1
//! entries is split at the largest power of two below n:
//!
//! ```text
//! MTH({})     = SHA-256()
//! MTH({d})    = SHA-256(0x00 || d)
//! MTH(D[0:n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])),   k < n <= 2k, k a power of two
//! ```
//!
//! Absent: where hashes are kept. A proof asks for whole subtrees, each a height and an index at that height.

use std::fmt;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

/// A SHA-256 of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// The hash of two subtrees, the left of which is whole.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The hash of no entry.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// The hash of a list of 2^h subtrees of one height, in order.
pub(crate) fn whole_root(hashes: &[Hash]) -> Hash {
    debug_assert!(hashes.len().is_power_of_two());
    match hashes {
        [only] => *only,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&whole_root(left), &whole_root(right))
        }
    }
}

/// The hash of subtrees that follow each other, each higher than the next; of none, that of the empty tree.
pub(crate) fn join(subtrees: impl DoubleEndedIterator<Item = Hash>) -> Hash {
    subtrees.rev().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
}

/// A whole subtree: entries `index << height` up to `(index + 1) << height`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subtree {
    pub(crate) height: u32,
    pub(crate) index: u64,
}

/// The whole subtrees that make up a part of a tree, left to right. The part begins where the RFC splits, so they only
/// get smaller.
pub(crate) fn subtrees(part: &Range<u64>) -> Vec<Subtree> {
    let mut start = part.start;
    let mut parts = Vec::new();
    while start < part.end {
        let height = (part.end - start).ilog2();
        parts.push(Subtree { height, index: start >> height });
        start += 1 << height;
    }
    parts
}

/// The parts whose hashes show that entry `index` is in a tree of `size`, in the order of the proof: PATH of the RFC.
pub(crate) fn inclusion_parts(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let split = split(&tree);
        let (mine, other) = halves(&tree, split, index < split);
        parts.push(other);
        tree = mine;
    }
    parts.reverse();
    parts
}

/// The parts whose hashes show that a tree of `old` entries is the beginning of one of `new`: PROOF of the RFC. Needs
/// `0 < old <= new`.
pub(crate) fn consistency_parts(old: u64, new: u64) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut tree = 0..new;
    while tree.end != old {
        let split = split(&tree);
        let (mine, other) = halves(&tree, split, old <= split);
        parts.push(other);
        tree = mine;
    }
    // Who asks knows the hash of the old tree, unless only a part of it is left.
    if tree.start > 0 {
        parts.push(tree);
    }
    parts.reverse();
    parts
}

fn split(tree: &Range<u64>) -> u64 {
    tree.start + (1 << (tree.end - tree.start - 1).ilog2())
}

/// The half to go on with, and the other one.
fn halves(tree: &Range<u64>, split: u64, left: bool) -> (Range<u64>, Range<u64>) {
    let (first, second) = (tree.start..split, split..tree.end);
    if left { (first, second) } else { (second, first) }
}

/// Whether a proof shows that the entry with this leaf hash is number `index` in the tree of `size` entries with this root
/// (RFC 9162, section 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            // A last subtree without a sibling is carried up as it is.
            let carried = place.trailing_zeros();
            (place, last) = (place >> carried, last >> carried);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// Whether a proof shows that the tree of `old` entries with `old_root` is the beginning of the tree of `new` entries with
/// `new_root` (RFC 9162, section 2.1.4.2). The empty tree is the beginning of every tree.
pub fn verify_consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, proof: &[Hash]) -> bool {
    if old > new {
        return false;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    // A whole old tree is a subtree of the new one, and the proof does not repeat its hash.
    let (seed, proof) = match proof {
        _ if old.is_power_of_two() => (old_root, proof),
        [seed, rest @ ..] => (seed, rest),
        [] => return false,
    };
    let carried = (old - 1).trailing_ones();
    let (mut place, mut last) = ((old - 1) >> carried, (new - 1) >> carried);
    let (mut old_hash, mut new_hash) = (*seed, *seed);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            let carried = place.trailing_zeros();
            (place, last) = (place >> carried, last >> carried);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests;
