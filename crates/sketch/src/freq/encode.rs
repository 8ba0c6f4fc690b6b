//! The bytes of a sketch: capacity, nulls, the categories in the order of their text, the remainders.
//!
//! ```text
//! capacity   nulls   how many are kept;  per category: length, text, count   0, or 1 and 256 remainders
//! ```

use super::{Folded, Freq, REMAINDERS};
use crate::codec::{Kind, Reader, Writer, add_rows};
use crate::error::Result;

impl Freq {
    /// The sketch as bytes: the same for the same content, in whichever order it was added and merged.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Kind::Freq);
        writer.varint(self.capacity.into());
        writer.varint(self.nulls);
        let mut kept = self.iter().collect::<Vec<_>>();
        kept.sort_unstable();
        writer.varint(kept.len() as u64);
        for (category, count) in kept {
            writer.framed(category.as_bytes());
            writer.varint(count);
        }
        writer.varint(self.folded.is_some().into());
        for count in self.remainders() {
            writer.varint(*count);
        }
        writer.finish()
    }

    /// The sketch that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) if the bytes are not those of a sketch.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(Kind::Freq, bytes)?;
        let capacity = u32::try_from(reader.varint()?).ok().and_then(|capacity| Self::new(capacity).ok());
        let mut freq = capacity.ok_or_else(|| reader.corrupt("capacity"))?;
        let mut rows = 0;
        let mut count = |reader: &mut Reader| {
            let count = reader.varint()?;
            rows = add_rows(rows, count).ok_or_else(|| reader.corrupt("count"))?;
            Ok(count)
        };
        freq.nulls = count(&mut reader)?;
        let kept = reader.varint()?;
        if kept > freq.capacity.into() {
            return Err(reader.corrupt("capacity"));
        }
        read_categories(&mut reader, kept, &mut count, &mut freq)?;
        match reader.varint()? {
            0 => {}
            1 => {
                let remainders = (0..REMAINDERS).map(|_| count(&mut reader)).collect::<Result<Vec<_>>>()?;
                if kept < freq.capacity.into() || remainders.iter().all(|count| *count == 0) {
                    return Err(reader.corrupt("remainder"));
                }
                freq.folded = Some(Folded { remainders, ..Folded::over(&freq.counts) });
            }
            _ => return Err(reader.corrupt("remainder")),
        }
        reader.finish()?;
        Ok(freq)
    }
}

/// Reads `kept` categories, each greater than the one before, and their counts.
fn read_categories(
    reader: &mut Reader,
    kept: u64,
    count: &mut impl FnMut(&mut Reader) -> Result<u64>,
    freq: &mut Freq,
) -> Result<()> {
    // Each takes two bytes at least: more are not believed before they are read.
    freq.counts.reserve((kept as usize).min(reader.remaining() / 2));
    let mut last = None;
    for _ in 0..kept {
        let category = str::from_utf8(reader.framed()?).map_err(|_| reader.corrupt("text"))?;
        if last.is_some_and(|last| last >= category) {
            return Err(reader.corrupt("order"));
        }
        let times = count(reader)?;
        if times == 0 {
            return Err(reader.corrupt("count"));
        }
        freq.keep(category.into(), times);
        last = Some(category);
    }
    Ok(())
}
