//! The bytes of a sketch: accuracy, what is counted apart, then each sign's bins.
//!
//! ```text
//! alpha (f64, little endian)   zeros nulls nan pos_inf neg_inf   negative bins   positive bins
//! bins: how many are not empty; the first's number (zigzag); its count;  then per bin: step from the last, count
//! ```

use super::bins::Bins;
use super::{Apart, DdSketch};
use crate::codec::{Kind, Reader, Writer, add_rows};
use crate::error::Result;
use crate::gamma::Gamma;

impl DdSketch {
    /// The sketch as bytes: the same for the same content, in whichever order it was added and merged.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Kind::DdSketch);
        writer.raw(&self.alpha().to_le_bytes());
        for count in self.apart.counts() {
            writer.varint(count);
        }
        write_bins(&self.negative, &mut writer);
        write_bins(&self.positive, &mut writer);
        writer.finish()
    }

    /// The sketch that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) if the bytes are not those of a sketch.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(Kind::DdSketch, bytes)?;
        let mut alpha = [0; 8];
        alpha.copy_from_slice(reader.raw(8)?);
        let gamma = Gamma::new(f64::from_le_bytes(alpha)).map_err(|_| reader.corrupt("alpha"))?;
        let mut rows = 0;
        let mut apart = [0; Apart::FIELDS];
        for count in &mut apart {
            *count = reader.varint()?;
            rows = add_rows(rows, *count).ok_or_else(|| reader.corrupt("count"))?;
        }
        let negative = read_bins(&mut reader, gamma.keys(), &mut rows)?;
        let positive = read_bins(&mut reader, gamma.keys(), &mut rows)?;
        reader.finish()?;
        Ok(Self { gamma, positive, negative, apart: Apart::of(apart) })
    }
}

fn write_bins(bins: &Bins, writer: &mut Writer) {
    writer.varint(bins.iter().count() as u64);
    let mut last = None;
    for (key, count) in bins.iter() {
        match last {
            None => writer.signed(key.into()),
            Some(last) => writer.varint(i32::abs_diff(key, last).into()),
        }
        writer.varint(count);
        last = Some(key);
    }
}

/// Bins within `keys`; their counts are added to `rows`.
fn read_bins(reader: &mut Reader, keys: (i32, i32), rows: &mut u64) -> Result<Bins> {
    let occupied = reader.varint()?;
    // Once to see that all is well and how far the bins reach, and once to fill them.
    let mut ahead = reader.clone();
    let (mut first, mut last) = (None, None);
    each_bin(&mut ahead, occupied, keys, |key, count| {
        *rows = add_rows(*rows, count)?;
        first = first.or(Some(key));
        last = Some(key);
        Some(())
    })?;
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(Bins::default());
    };
    let mut bins = Bins::spanning(first, last);
    each_bin(reader, occupied, keys, |key, count| {
        bins.put(key, count);
        Some(())
    })?;
    Ok(bins)
}

/// Calls `visit(key, count)` for `occupied` bins in ascending order; `None` says that the counts do not fit.
fn each_bin(
    reader: &mut Reader,
    occupied: u64,
    (lowest, highest): (i32, i32),
    mut visit: impl FnMut(i32, u64) -> Option<()>,
) -> Result<()> {
    let mut last = None;
    for _ in 0..occupied {
        let key = match last {
            None => Some(reader.signed()?),
            Some(last) => {
                let step = reader.varint()?;
                i64::try_from(step).ok().filter(|step| *step > 0).and_then(|step| i64::from(last).checked_add(step))
            }
        };
        let key = key.and_then(|key| i32::try_from(key).ok()).filter(|key| (lowest..=highest).contains(key));
        let key = key.ok_or_else(|| reader.corrupt("bin number"))?;
        let count = reader.varint()?;
        if count == 0 {
            return Err(reader.corrupt("count"));
        }
        visit(key, count).ok_or_else(|| reader.corrupt("count"))?;
        last = Some(key);
    }
    Ok(())
}
