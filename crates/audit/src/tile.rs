//! Where do hashes and entries lie, and what are their bytes?
//!
//! The layout of [C2SP tlog-tiles](https://c2sp.org/tlog-tiles). Of the tree every eighth level is kept, 256 hashes in one
//! file; entries lie in bundles of 256.
//!
//! ```text
//! tile/<L>/<N>            hashes of height 8L, numbers 256 N up to 256 N + 255, 32 bytes each
//! tile/entries/<N>        entries 256 N up to 256 N + 255, each a big-endian uint16 length and its bytes
//! ....p/<W>               the first W of them, as long as there are no more
//! <N> = 067, x001/067, x001/x234/067
//! ```

use crate::merkle::Hash;

/// How many hashes a full tile has, and how many entries a full bundle.
pub const WIDTH: u64 = 256;

/// The longest entry that a bundle takes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Entries.
    Entries,
    /// Hashes of the subtrees of 256^level entries.
    Hashes {
        /// 0 for the hashes of entries.
        level: u8,
    },
}

/// One file of a log: a tile or a bundle, full or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub kind: Kind,
    /// Its number among those of its kind.
    pub index: u64,
    /// How many hashes or entries it has: 1 to 256.
    pub width: u64,
}

impl Tile {
    /// A full bundle or tile.
    pub fn full(kind: Kind, index: u64) -> Self {
        Self { kind, index, width: WIDTH }
    }

    /// Its path below the folder of the log.
    ///
    /// ```
    /// use tidegate_audit::tile::{Kind, Tile};
    ///
    /// assert_eq!(Tile::full(Kind::Hashes { level: 1 }, 1_234_067).path(), "tile/1/x001/x234/067");
    /// assert_eq!(Tile { kind: Kind::Entries, index: 7, width: 3 }.path(), "tile/entries/007.p/3");
    /// ```
    pub fn path(&self) -> String {
        let stem = self.stem();
        if self.is_full() { stem } else { format!("{stem}.p/{}", self.width) }
    }

    /// The folder of the files that this one supersedes once it is full.
    pub(crate) fn partials(&self) -> String {
        format!("{}.p", self.stem())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.width == WIDTH
    }

    fn stem(&self) -> String {
        let kind = match self.kind {
            Kind::Entries => "entries".to_owned(),
            Kind::Hashes { level } => level.to_string(),
        };
        let mut number = format!("{:03}", self.index % 1000);
        let mut above = self.index / 1000;
        while above > 0 {
            number = format!("x{:03}/{number}", above % 1000);
            above /= 1000;
        }
        format!("tile/{kind}/{number}")
    }

    /// The tile of a path, if it is the path of one.
    pub fn parse(path: &str) -> Option<Self> {
        let (stem, width) = path.split_once(".p/").map_or((path, None), |(stem, width)| (stem, Some(width)));
        let width = width.map_or(Some(WIDTH), |width| width.parse().ok().filter(|width| *width < WIDTH))?;
        let (kind, number) = stem.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes { level: level.parse().ok().filter(|level| *level < 64)? },
        };
        let index = number.split('/').try_fold(0_u64, |index, digits| {
            let digits: u64 = digits.strip_prefix('x').unwrap_or(digits).parse().ok()?;
            index.checked_mul(1000)?.checked_add(digits)
        })?;
        let tile = Self { kind, index, width };
        // One path for each tile: everything that is written in another way is none.
        (width > 0 && tile.path() == path).then_some(tile)
    }
}

/// The files that a log of `size` entries consists of, beside its checkpoint: of each kind all full ones, and every
/// beginning of the last one.
pub(crate) fn all_of(size: u64) -> impl Iterator<Item = Tile> {
    let hashes = (0_u8..8).map(move |level| (Kind::Hashes { level }, size >> (8 * u32::from(level))));
    std::iter::once((Kind::Entries, size)).chain(hashes).flat_map(|(kind, count)| {
        let full = (0..count / WIDTH).map(move |index| Tile::full(kind, index));
        let partial = (1..=count % WIDTH).map(move |width| Tile { kind, index: count / WIDTH, width });
        full.chain(partial)
    })
}

/// The bytes of a tile of hashes.
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a tile, if its bytes are a number of whole hashes.
pub fn decode_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.iter().copied().map(Hash).collect())
}

/// Adds an entry to a bundle. `None` when it is too long for one.
#[must_use]
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

/// The entries of a bundle, each with the place where its length stands; the place where it goes on with something else.
pub fn entries(bundle: &[u8]) -> impl Iterator<Item = Result<(usize, &[u8]), usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (here, rest) = (at, bundle.get(at..).filter(|rest| !rest.is_empty())?);
        let read = rest.split_first_chunk::<2>().and_then(|(length, rest)| {
            let length = usize::from(u16::from_be_bytes(*length));
            Some((length, rest.get(..length)?))
        });
        // After damage there is nothing more to read.
        at = read.map_or(bundle.len(), |(length, _)| here + 2 + length);
        Some(read.map(|(_, entry)| (here, entry)).ok_or(here))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_that_is_written_otherwise_is_none() {
        let check = |path: &str| assert_eq!(Tile::parse(path), None, "{path}");
        for path in [
            "checkpoint",
            "tile/0/1",
            "tile/0/0001",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/00/001",
            "tile/64/001",
            "tile/+1/001",
            "tile/entries/001.p/0",
            "tile/entries/001.p/256",
            "tile/entries/001.p/01",
            "tile/entries/001.p/1/2",
            "tile/entries/x999/x999/x999/x999/x999/x999/x999/999",
            "tile/data/001",
        ] {
            check(path);
        }
    }

    /// The example of the specification.
    #[test]
    fn a_log_of_70000_entries_has_these_tiles() {
        let mut count = std::collections::BTreeMap::new();
        for tile in all_of(70_000) {
            *count.entry((tile.kind, tile.is_full())).or_insert(0) += 1;
        }
        let [zero, one, two] = [0, 1, 2].map(|level| Kind::Hashes { level });
        let entries = [((Kind::Entries, true), 273), ((Kind::Entries, false), 112)];
        let hashes =
            [((zero, true), 273), ((zero, false), 112), ((one, true), 1), ((one, false), 17), ((two, false), 1)];
        assert_eq!(count, entries.into_iter().chain(hashes).collect());
    }

    #[test]
    fn a_bundle_that_is_cut_off_says_where() {
        let mut bundle = Vec::new();
        push_entry(&mut bundle, b"ab").unwrap();
        push_entry(&mut bundle, b"").unwrap();
        assert_eq!(bundle, b"\0\x02ab\0\0");
        let read: Vec<_> = entries(&bundle).collect();
        assert_eq!(read, [Ok((0, &b"ab"[..])), Ok((4, &b""[..]))]);
        let read: Vec<_> = entries(&bundle[..5]).collect();
        assert_eq!(read, [Ok((0, &b"ab"[..])), Err(4)]);
        assert_eq!(push_entry(&mut bundle, &vec![0; ENTRY_BYTES_MAX + 1]), None);
    }

    proptest! {
        #[test]
        fn each_tile_has_one_path(level in 0_u8..64, entries: bool, index: u64, width in 1..=WIDTH) {
            let kind = if entries { Kind::Entries } else { Kind::Hashes { level } };
            let tile = Tile { kind, index, width };
            prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
        }
    }
}
