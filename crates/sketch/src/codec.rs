//! How does a sketch become bytes, and how are damaged bytes found out?
//!
//! ```text
//! "TGSK"  kind  version  body ...  xxh64 of all before it, little endian
//!   4       1      1                 8
//! ```
//!
//! Counts are LEB128 varints in their shortest form. One content has one string of bytes: a reader refuses
//! every other way to write it.

use twox_hash::XxHash64;

use crate::error::{Error, Result};

const MAGIC: [u8; 4] = *b"TGSK";
const VERSION: u8 = 1;
const HEAD: usize = 6;
const CHECKSUM: usize = 8;
/// A checksum must not be the hash of anything that is counted.
const SEED: u64 = 0x7469_6465_6761_7465; // "tidegate"

/// The rows of two sketches together, unless that is more than a signed 64-bit number (a `BIGINT`) tells. What is
/// counted one by one never gets there.
pub(crate) fn add_rows(left: u64, right: u64) -> Option<u64> {
    left.checked_add(right).filter(|rows| i64::try_from(*rows).is_ok())
}

/// What bytes hold. The numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    DdSketch = 1,
    Freq = 2,
    Hll = 3,
    Profile = 4,
}

impl Kind {
    /// The kind by the name it has in SQL.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DdSketch => "ddsketch",
            Self::Freq => "freq",
            Self::Hll => "hll",
            Self::Profile => "profile",
        }
    }
}

/// What `bytes` say that they hold. Nothing of it has been checked.
pub(crate) fn kind_of(bytes: &[u8]) -> Option<Kind> {
    let kind = *bytes.get(MAGIC.len())?;
    [Kind::DdSketch, Kind::Freq, Kind::Hll, Kind::Profile].into_iter().find(|known| *known as u8 == kind)
}

/// Bytes in the making.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(kind: Kind) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(MAGIC);
        bytes.extend([kind as u8, VERSION]);
        Self(bytes)
    }

    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A number that may be negative, folded so that small ones stay short (zigzag).
    pub(crate) fn signed(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes with their length before them.
    pub(crate) fn framed(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let checksum = XxHash64::oneshot(SEED, &self.0);
        self.0.extend(checksum.to_le_bytes());
        self.0
    }
}

/// The rest of a body that is being read.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    kind: Kind,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The body of `bytes`, which must be whole and hold a `kind`.
    pub(crate) fn open(kind: Kind, bytes: &'a [u8]) -> Result<Self> {
        let corrupt = |check| Error::Corrupt { kind: kind.name(), check };
        let Some(body_len) = bytes.len().checked_sub(HEAD + CHECKSUM) else {
            return Err(corrupt("length"));
        };
        let (signed, checksum) = bytes.split_at(HEAD + body_len);
        if signed[..4] != MAGIC {
            return Err(corrupt("magic"));
        }
        if signed[4] != kind as u8 {
            return Err(corrupt("kind"));
        }
        if signed[5] != VERSION {
            return Err(corrupt("version"));
        }
        if XxHash64::oneshot(SEED, signed).to_le_bytes() != *checksum {
            return Err(corrupt("checksum"));
        }
        Ok(Self { kind, rest: &signed[HEAD..] })
    }

    pub(crate) fn corrupt(&self, check: &'static str) -> Error {
        Error::Corrupt { kind: self.kind.name(), check }
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn raw(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.corrupt("length"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn framed(&mut self) -> Result<&'a [u8]> {
        let len = self.varint()?;
        self.raw(usize::try_from(len).map_err(|_| self.corrupt("length"))?)
    }

    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.raw(1)?[0];
            let part = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit, and the last byte of a longer one is never zero.
            if (part << shift) >> shift != part || (byte == 0 && shift > 0) {
                return Err(self.corrupt("number"));
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.corrupt("number"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64> {
        let folded = self.varint()?;
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    /// Says that nothing may follow.
    pub(crate) fn finish(self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.corrupt("length")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(numbers in prop::collection::vec(any::<(u64, i64)>(), 0..20)) {
            let mut writer = Writer::new(Kind::Hll);
            for (natural, signed) in &numbers {
                writer.varint(*natural);
                writer.signed(*signed);
            }
            let bytes = writer.finish();
            let mut reader = Reader::open(Kind::Hll, &bytes).unwrap();
            for (natural, signed) in numbers {
                prop_assert_eq!((reader.varint().unwrap(), reader.signed().unwrap()), (natural, signed));
            }
            reader.finish().unwrap();
        }
    }

    #[test]
    fn a_number_has_one_form() {
        let read = |body: &[u8]| {
            let mut writer = Writer::new(Kind::Freq);
            writer.raw(body);
            Reader::open(Kind::Freq, &writer.finish()).unwrap().varint()
        };
        assert_eq!(read(&[0x7f]), Ok(127));
        assert_eq!(read(&[0xff, 0x01]), Ok(255));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        for longer in [&[0x80, 0x00][..], &[0xff; 10], &[0x80; 11], &[0x80], &[]] {
            assert!(read(longer).is_err(), "{longer:x?}");
        }
    }

    #[test]
    fn every_check_has_a_name() {
        let bytes = Writer::new(Kind::Hll).finish();
        let check = |bytes: &[u8]| match Reader::open(Kind::Hll, bytes) {
            Err(Error::Corrupt { kind: "hll", check }) => check,
            Err(other) => panic!("{other}"),
            Ok(_) => "",
        };
        let damaged = |place: usize| {
            let mut bytes = bytes.clone();
            bytes[place] ^= 1;
            check(&bytes)
        };
        assert_eq!([0, 4, 5, 6].map(damaged), ["magic", "kind", "version", "checksum"]);
        assert_eq!((check(&bytes), check(&bytes[1..])), ("", "length"));
    }
}
