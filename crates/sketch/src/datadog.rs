//! How do sketches travel to and from Datadog?
//!
//! As the bytes of `DDSketchWithExactSummaryStatistics` of its Java library. `sketches-ddsketch` writes them. It
//! is not used to read them: it hides the bins that it read, takes a sketch of any other mapping for a
//! logarithmic one, collapses bins, and panics on some bytes. So they are read here, strictly.

use sketches_ddsketch::{Config, DDSketch as Written};

use crate::codec::add_rows;
use crate::error::{Error, Result};
use crate::gamma::MIN_SIZE;
use crate::{Bin, DdSketch};

/// Flags of the format: what follows, in the two lowest bits, and in which form.
const ZEROS: u8 = 0x04;
const SUM: u8 = 0x84;
const MIN: u8 = 0x88;
const MAX: u8 = 0x8c;
const COUNT: u8 = 0xa0;
const LOGARITHMIC: u8 = 0x02;
/// The two lowest bits of bins: sizes of positive and of negative numbers.
const POSITIVE: u8 = 1;
const NEGATIVE: u8 = 3;
/// The second version of the format begins with its number.
const SECOND_VERSION: u8 = 2;

impl DdSketch {
    /// The finite numbers of this sketch as Datadog's Java library reads them. Nulls, NaN and infinities have
    /// no place there; least, greatest and sum are those of the bins' values.
    #[must_use]
    pub fn to_datadog(&self) -> Vec<u8> {
        // The limit on bins is not written: none shall be collapsed.
        let mut written = Written::new(Config::new(self.alpha(), u32::MAX / 4, MIN_SIZE));
        for Bin { value, count, .. } in self.bins() {
            written.add_with_count(value, count);
        }
        written.to_java_bytes()
    }

    /// The sketch in bytes that Datadog's Java library, or [`to_datadog`](Self::to_datadog), wrote. Bins of
    /// sizes below 1e-9 are counted as zero.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the bytes are no such sketch, or one of another mapping than the logarithmic, or
    /// with counts that are no whole numbers, or of an accuracy that [`DdSketch::new`] refuses.
    pub fn from_datadog(bytes: &[u8]) -> Result<Self> {
        // The version's number is a flag too. No mapping reads like the flags that follow it.
        Input(bytes).sketch().or_else(|error| match bytes {
            [SECOND_VERSION, rest @ ..] => Input(rest).sketch().map_err(|_| error),
            _ => Err(error),
        })
    }
}

/// Bytes of Datadog that are still to be read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn sketch(mut self) -> Result<DdSketch> {
        let mut gamma = None;
        let (mut zeros, mut rows, mut stated) = (0, 0, None);
        let mut bins = Vec::new();
        while !self.0.is_empty() {
            match self.byte()? {
                LOGARITHMIC => {
                    gamma = Some(self.float()?);
                    if self.float()? != 0.0 {
                        return Err(corrupt("offset: the mapping is shifted"));
                    }
                }
                ZEROS => zeros = add_count(zeros, self.count()?)?,
                COUNT => stated = Some(self.count()?),
                SUM | MIN | MAX => {
                    self.float()?;
                }
                flag if matches!(flag & 3, POSITIVE | NEGATIVE) => {
                    self.bins(flag >> 2, |key, count| {
                        rows = add_count(rows, count)?;
                        bins.push((flag & 3 == POSITIVE, key, count));
                        Ok(())
                    })?;
                }
                flag if flag & 3 == LOGARITHMIC => return Err(corrupt("mapping: it is not the logarithmic one")),
                _ => return Err(corrupt("flag")),
            }
        }
        let counted = add_count(rows, zeros)?;
        if stated.is_some_and(|stated| stated != counted) {
            return Err(corrupt("count"));
        }
        let alpha = alpha_of(gamma.ok_or_else(|| corrupt("mapping: there is none"))?);
        let mut sketch = DdSketch::new(alpha).map_err(|_| corrupt("accuracy"))?;
        sketch.put_zeros(zeros);
        for (positive, key, count) in bins {
            sketch.put(positive, key, count).ok_or_else(|| corrupt("bin number"))?;
        }
        Ok(sketch)
    }

    /// Calls `visit(key, count)` for the bins that follow in the given form.
    fn bins(&mut self, form: u8, mut visit: impl FnMut(i64, u64) -> Result<()>) -> Result<()> {
        let overflow = || corrupt("bin number");
        let (deltas, counts) = match form {
            1 => (true, true),
            2 => (true, false),
            3 => (false, true),
            _ => return Err(corrupt("flag")),
        };
        let bins = self.natural()?;
        let (mut key, step) = if deltas { (0, 0) } else { (self.integer()?, self.integer()?) };
        for _ in 0..bins {
            if deltas {
                key = i64::checked_add(key, self.integer()?).ok_or_else(overflow)?;
            }
            visit(key, if counts { self.count()? } else { 1 })?;
            key = key.checked_add(step).ok_or_else(overflow)?;
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.0.split_first().ok_or_else(|| corrupt("length"))?;
        self.0 = rest;
        Ok(*byte)
    }

    fn float(&mut self) -> Result<f64> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(|| corrupt("length"))?;
        self.0 = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// Seven bits a byte from the lowest; the ninth byte has eight.
    fn natural(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte()?;
            if byte < 0x80 || shift == 56 {
                return Ok(value | u64::from(byte) << shift);
            }
            value |= u64::from(byte & 0x7f) << shift;
        }
        Err(corrupt("number"))
    }

    fn integer(&mut self) -> Result<i64> {
        let folded = self.natural()?;
        Ok((folded >> 1) as i64 ^ -((folded & 1) as i64))
    }

    /// A whole number, written as a float: its distance in bits from 1.0, less 1, seven bits a byte from the highest.
    fn count(&mut self) -> Result<u64> {
        let mut bits = 0;
        for shift in (1..=57_u32).rev().step_by(7) {
            let byte = self.byte()?;
            if shift == 1 {
                bits |= u64::from(byte);
                break;
            }
            bits |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        let count = f64::from_bits(bits.rotate_right(6).wrapping_add(1_f64.to_bits())) - 1.0;
        // 2^63 and above would not be a BIGINT.
        if count >= 0.0 && count < 2_f64.powi(63) && count.fract() == 0.0 {
            Ok(count as u64)
        } else {
            Err(corrupt("count"))
        }
    }
}

/// The accuracy of a mapping. The few digits in which somebody gave it are found again, so that a sketch merges
/// with ours of the same accuracy.
fn alpha_of(gamma: f64) -> f64 {
    let alpha = (gamma - 1.0) / (gamma + 1.0);
    let short = (alpha * 1e12).round() / 1e12;
    if (1.0 + short) / (1.0 - short) == gamma { short } else { alpha }
}

fn add_count(left: u64, right: u64) -> Result<u64> {
    add_rows(left, right).ok_or(Error::Overflow)
}

fn corrupt(check: &'static str) -> Error {
    Error::Corrupt { kind: "sketch of Datadog", check }
}
