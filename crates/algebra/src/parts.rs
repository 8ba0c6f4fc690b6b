//! How is a state divided, so that a part of it can be merged and released alone?
//!
//! By a hash of the group keys, the window left out: all panes of a group, and all intervals of a session, lie in the
//! same part. Parts are ranges of 256 buckets, so that parts of unlike sizes fit into one another.

use std::hash::Hasher;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::interleave_record_batch;
use datafusion::arrow::row::{RowConverter, SortField};
use siphasher::sip::SipHasher13;

use crate::error::Result;
use crate::state::{PartialState, StateLayout};

/// The finest division.
const BUCKETS: usize = 256;

/// One of a number of equal parts of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    index: usize,
    of: usize,
}

impl Part {
    /// The parts of a division into at least `wanted` parts, as far as states can be divided.
    fn all(wanted: usize) -> impl Iterator<Item = Self> {
        let of = wanted.clamp(1, BUCKETS).next_power_of_two();
        (0..of).map(move |index| Self { index, of })
    }

    /// Which of the `sections` of a state, divided likewise, this part lies in, and whether it fills them.
    pub fn sections(self, sections: usize) -> (std::ops::Range<usize>, bool) {
        if sections >= self.of {
            let per_part = sections / self.of;
            return (self.index * per_part..(self.index + 1) * per_part, true);
        }
        let section = self.index * sections / self.of;
        (section..section + 1, false)
    }

    fn contains(self, bucket: u8) -> bool {
        usize::from(bucket) * self.of / BUCKETS == self.index
    }
}

impl StateLayout {
    /// The parts of a division into at least `wanted` parts: one where states have no key beside the window.
    pub fn parts(&self, wanted: usize) -> impl Iterator<Item = Part> + use<> {
        Part::all(if self.divided_by.is_empty() { 1 } else { wanted })
    }

    /// Writes a state to bytes in at least `wanted` parts, or whole when it cannot be divided: the bytes of all parts,
    /// and how many each has.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`](crate::Error::FingerprintMismatch) when another plan made it.
    pub fn encode_in_parts(&self, state: &PartialState, wanted: usize) -> Result<(Vec<u8>, Vec<usize>)> {
        let parts = self.parts(wanted).collect::<Vec<_>>();
        if parts.len() == 1 {
            let bytes = self.encode(state)?;
            let length = bytes.len();
            return Ok((bytes, vec![length]));
        }
        let (mut bytes, mut lengths) = (Vec::new(), Vec::new());
        for part in self.split(state, wanted)? {
            let encoded = self.encode(&part?)?;
            lengths.push(encoded.len());
            bytes.extend(encoded);
        }
        Ok((bytes, lengths))
    }

    /// A state in at least `wanted` parts, or whole when it cannot be divided. States that are split alike fit together
    /// part by part.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`](crate::Error::FingerprintMismatch) when another plan made it.
    pub fn split<'a>(
        &'a self,
        state: &'a PartialState,
        wanted: usize,
    ) -> Result<impl Iterator<Item = Result<PartialState>> + 'a> {
        self.check(state)?;
        let parts = self.parts(wanted).count();
        let mut rows = vec![Vec::new(); parts];
        for (at, batch) in state.batches.iter().enumerate() {
            match parts {
                1 => rows[0].extend((0..batch.num_rows()).map(|row| (at, row))),
                _ => {
                    for (row, bucket) in self.buckets(batch)?.into_iter().enumerate() {
                        rows[usize::from(bucket) * parts / BUCKETS].push((at, row));
                    }
                }
            }
        }
        Ok(rows.into_iter().map(|rows| self.select(state, &rows)))
    }

    /// The rows of a state that lie in `part`.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`](crate::Error::FingerprintMismatch) when another plan made it.
    pub fn part_of(&self, state: &PartialState, part: Part) -> Result<PartialState> {
        self.check(state)?;
        let mut rows = Vec::new();
        for (at, batch) in state.batches.iter().enumerate() {
            let buckets = self.buckets(batch)?.into_iter().enumerate();
            rows.extend(buckets.filter(|(_, bucket)| part.contains(*bucket)).map(|(row, _)| (at, row)));
        }
        self.select(state, &rows)
    }

    /// Some rows of a state: the batch, and the row in it.
    fn select(&self, state: &PartialState, rows: &[(usize, usize)]) -> Result<PartialState> {
        let mut selected = self.empty();
        if !rows.is_empty() {
            let batches = state.batches.iter().collect::<Vec<_>>();
            selected.batches.push(interleave_record_batch(&batches, rows)?);
        }
        Ok(selected)
    }

    /// The bucket of each row. Sections of state files rest on it: `tests/it/golden.rs` pins it.
    fn buckets(&self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let keys = self.divided_by.iter().map(|&key| Arc::clone(batch.column(key))).collect::<Vec<_>>();
        let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
        let rows = RowConverter::new(fields)?.convert_columns(&keys)?;
        let bucket = |row: datafusion::arrow::row::Row<'_>| {
            let mut hasher = SipHasher13::new();
            hasher.write(row.as_ref());
            (hasher.finish() >> 56) as u8
        };
        Ok(rows.iter().map(bucket).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_unlike_sizes_fit_into_one_another() {
        for (sections, wanted) in [(1, 1), (1, 8), (8, 1), (4, 16), (16, 4), (256, 2), (3, 3)] {
            let sections = Part::all(sections).count();
            for bucket in 0..=255 {
                let section = usize::from(bucket) * sections / BUCKETS;
                let parts = Part::all(wanted).filter(|part| part.contains(bucket)).collect::<Vec<_>>();
                let [part] = parts.as_slice() else { panic!("{parts:?}") };
                assert!(part.sections(sections).0.contains(&section), "{sections} {wanted} {bucket}");
            }
        }
    }

    #[test]
    fn a_part_fills_its_sections_or_shares_one() {
        let part = |index, of| Part { index, of };
        assert_eq!(part(1, 4).sections(16), (4..8, true));
        assert_eq!(part(5, 8).sections(2), (1..2, false));
        assert_eq!(part(0, 1).sections(1), (0..1, true));
    }
}
