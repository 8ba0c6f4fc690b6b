//! Which bytes stand for a sum? One string of bytes for each sum, and everything else is refused.
//!
//! ```text
//! zero        00
//! NaN         01
//! +inf        02
//! -inf        03
//! finite      00 │ exponent: i16 LE │ mantissa: two's complement LE, odd, no redundant sign byte
//! ```

use std::{error::Error, fmt};

use super::window::Window;

const FINITE: u8 = 0;
const NAN: u8 = 1;
const POSITIVE_INFINITY: u8 = 2;
const NEGATIVE_INFINITY: u8 = 3;

/// What has been added besides finite values, as a set of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Specials(u8);

/// What a sum is, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Finite,
    NaN,
    PositiveInfinity,
    NegativeInfinity,
}

/// A state that has been checked.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    pub(super) specials: Specials,
    /// Empty for zero.
    pub(super) mantissa: &'a [u8],
    pub(super) exponent: i32,
}

/// Why bytes are not the state of a sum.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CorruptState {
    /// The bytes end too early, or go on after their end.
    Length {
        /// How many there are.
        bytes: usize,
    },
    /// The first byte names no kind of sum that may stand here.
    Kind {
        /// The byte.
        kind: u8,
    },
    /// The mantissa is even or longer than it need be.
    NotCanonical,
    /// The sum lies outside what fewer than 2^64 rows can reach.
    OutOfRange {
        /// The exponent read.
        exponent: i32,
        /// Bits of the mantissa read.
        mantissa_bits: usize,
    },
    /// A sum of squares is negative.
    NegativeSquares,
    /// No rows, but sums of some.
    SumsWithoutRows,
    /// More rows than can be counted.
    CountOverflow {
        /// Rows already counted.
        left: u64,
        /// Rows to be merged.
        right: u64,
    },
}

impl Specials {
    pub(super) const NONE: Self = Self(0);

    /// The set for one value; empty when it is finite.
    pub(super) fn of(value: f64) -> Self {
        match value {
            value if value.is_nan() => Self(1 << NAN),
            f64::INFINITY => Self(1 << POSITIVE_INFINITY),
            f64::NEG_INFINITY => Self(1 << NEGATIVE_INFINITY),
            _ => Self::NONE,
        }
    }

    pub(super) fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn kind(self) -> Kind {
        let has = |flag: u8| self.0 & (1 << flag) != 0;
        match (has(NAN), has(POSITIVE_INFINITY), has(NEGATIVE_INFINITY)) {
            (false, false, false) => Kind::Finite,
            (false, true, false) => Kind::PositiveInfinity,
            (false, false, true) => Kind::NegativeInfinity,
            (true, _, _) | (_, true, true) => Kind::NaN,
        }
    }
}

impl Decoded<'_> {
    /// Whether this is the empty sum.
    pub(super) fn is_zero(&self) -> bool {
        self.mantissa.is_empty() && self.specials == Specials::NONE
    }
}

/// Appends the state of `limbs * 2^exponent`, or of the special kind, under which no limb counts.
pub(super) fn encode(kind: Kind, limbs: &[u64], exponent: i32, out: &mut Vec<u8>) {
    match kind {
        Kind::NaN => out.push(NAN),
        Kind::PositiveInfinity => out.push(POSITIVE_INFINITY),
        Kind::NegativeInfinity => out.push(NEGATIVE_INFINITY),
        Kind::Finite => {
            out.push(FINITE);
            if let Some(zeros) = trailing_zeros(limbs) {
                // From -2148 to below 2300: see `Window::EXPONENT_MIN` and `SUM_BITS_MAX`.
                out.extend(((exponent + zeros as i32) as i16).to_le_bytes());
                push_mantissa(limbs, zeros, out);
            }
        }
    }
}

/// Zero bits below the lowest set one; none when the number is zero.
pub(super) fn trailing_zeros(limbs: &[u64]) -> Option<usize> {
    let index = limbs.iter().position(|&limb| limb != 0)?;
    Some(index * 64 + limbs[index].trailing_zeros() as usize)
}

/// Appends `limbs >> zeros` as the shortest two's complement bytes.
pub(super) fn push_mantissa(limbs: &[u64], zeros: usize, out: &mut Vec<u8>) {
    let start = out.len();
    let (skipped, offset) = (zeros / 64, (zeros % 64) as u32);
    let sign = limbs.last().map_or(0, |&top| ((top as i64) >> 63) as u64);
    for index in skipped..limbs.len() {
        let above = limbs.get(index + 1).copied().unwrap_or(sign);
        let carried = if offset == 0 { 0 } else { above << (64 - offset) };
        out.extend(((limbs[index] >> offset) | carried).to_le_bytes());
    }
    while out.len() > start + 1 && redundant(&out[start..]) {
        out.pop();
    }
}

/// Checks a state of terms of `W` and takes it apart.
pub(super) fn decode<W: Window>(state: &[u8]) -> Result<Decoded<'_>, CorruptState> {
    let (&kind, digits) = state.split_first().ok_or(CorruptState::Length { bytes: 0 })?;
    let wrong_length = CorruptState::Length { bytes: state.len() };
    match kind {
        FINITE => {}
        NEGATIVE_INFINITY if W::NON_NEGATIVE => return Err(CorruptState::Kind { kind }),
        NAN | POSITIVE_INFINITY | NEGATIVE_INFINITY if digits.is_empty() => {
            return Ok(Decoded { specials: Specials(1 << kind), mantissa: &[], exponent: 0 });
        }
        NAN | POSITIVE_INFINITY | NEGATIVE_INFINITY => return Err(wrong_length),
        _ => return Err(CorruptState::Kind { kind }),
    }
    let (exponent, mantissa) = match digits {
        [] => (0, digits),
        [low, high, mantissa @ ..] if !mantissa.is_empty() => {
            let exponent = i32::from(i16::from_le_bytes([*low, *high]));
            check_finite::<W>(mantissa, exponent)?;
            (exponent, mantissa)
        }
        _ => return Err(wrong_length),
    };
    Ok(Decoded { specials: Specials::NONE, mantissa, exponent })
}

fn check_finite<W: Window>(mantissa: &[u8], exponent: i32) -> Result<(), CorruptState> {
    if mantissa[0] & 1 == 0 || redundant(mantissa) {
        return Err(CorruptState::NotCanonical);
    }
    let top = mantissa[mantissa.len() - 1];
    if W::NON_NEGATIVE && top >= 0x80 {
        return Err(CorruptState::NegativeSquares);
    }
    let magnitude = if top >= 0x80 { !top } else { top };
    let mantissa_bits = mantissa.len() * 8 - magnitude.leading_zeros() as usize;
    // Compared as i64, so that no length can wrap.
    let highest = i64::from(exponent) + mantissa_bits as i64;
    if exponent < W::EXPONENT_MIN || highest > i64::from(W::SUM_BITS_MAX) {
        return Err(CorruptState::OutOfRange { exponent, mantissa_bits });
    }
    Ok(())
}

/// Whether the last byte only repeats the sign of the one before.
fn redundant(bytes: &[u8]) -> bool {
    match bytes {
        [.., below, 0x00] => *below < 0x80,
        [.., below, 0xff] => *below >= 0x80,
        _ => false,
    }
}

impl fmt::Display for CorruptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(f, "a sum state cannot be {bytes} bytes long"),
            Self::Kind { kind } => write!(f, "a sum state cannot begin with {kind:#04x}"),
            Self::NotCanonical => write!(f, "the mantissa of a sum state is even or too long"),
            Self::OutOfRange { exponent, mantissa_bits } => {
                write!(f, "a sum of {mantissa_bits} bits at exponent {exponent} is out of range")
            }
            Self::NegativeSquares => write!(f, "a sum of squares is negative"),
            Self::SumsWithoutRows => write!(f, "a state counts no rows but sums some"),
            Self::CountOverflow { left, right } => {
                write!(f, "{left} and {right} rows are too many to count")
            }
        }
    }
}

impl Error for CorruptState {}
