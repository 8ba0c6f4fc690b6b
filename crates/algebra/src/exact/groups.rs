//! How do many groups share one store? A small slot each, and for the few sums no window holds, a
//! wide one on the side.
//!
//! A slot stands at a base exponent. A term inside the window costs a shift and an addition; a term
//! outside moves the window, if there is a place for it that covers both, and otherwise the sum
//! becomes wide and stays so.

use std::hint::select_unpredictable;

use num_bigint::BigInt;

use super::{
    Exact,
    encode::{self, Decoded, Kind, Specials},
    round::limbs_to_f64,
    wide::Wide,
    window::{Window, sign_byte},
};

/// A base no term can reach, for slots whose window stands nowhere: the empty ones, and the wide.
const NOWHERE: i32 = i32::MIN;
/// In place of an index into the wide sums.
const NARROW: u32 = u32::MAX;

/// Exact sums of the terms of `W`, one per group.
#[derive(Debug)]
pub(super) struct Groups<W> {
    slots: Vec<Slot<W>>,
    wide: Vec<Wide<W>>,
}

#[derive(Debug, Clone)]
struct Slot<W> {
    /// The sum is `acc * 2^base`, unless it is wide; then `acc` is zero.
    acc: W,
    base: i32,
    wide: u32,
    specials: Specials,
}

impl<W> Default for Groups<W> {
    fn default() -> Self {
        Self { slots: Vec::new(), wide: Vec::new() }
    }
}

impl<W: Window> Groups<W> {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        if groups > self.slots.len() {
            self.slots.resize(groups, Slot::EMPTY);
        }
    }

    #[inline]
    pub(super) fn add(&mut self, group: usize, value: f64) {
        let slot = &mut self.slots[group];
        let (term, exponent) = W::term(value);
        // A zero may be added anywhere, and not by a branch: zeros come too mixed for one to be
        // guessed. NaN and the infinities are out of reach of every base, as all is from nowhere.
        let shift = select_unpredictable(term == W::ZERO, 0, exponent.wrapping_sub(slot.base) as u32);
        if shift <= W::SHIFT_MAX as u32
            && let Some(acc) = slot.acc.checked_add(term.shifted_left(shift))
        {
            slot.acc = acc;
        } else {
            self.add_outside(group, value);
        }
    }

    #[cold]
    #[inline(never)]
    fn add_outside(&mut self, group: usize, value: f64) {
        if value.is_finite() {
            let (term, exponent) = W::term(value);
            self.add_number(group, term, exponent);
        } else {
            let magnitude_only = if W::NON_NEGATIVE { value.abs() } else { value };
            self.slots[group].specials.insert(Specials::of(magnitude_only));
        }
    }

    pub(super) fn merge(&mut self, group: usize, state: &Decoded<'_>) {
        self.slots[group].specials.insert(state.specials);
        if state.mantissa.is_empty() {
            return;
        }
        if state.mantissa.len() <= W::BYTES {
            self.add_number(group, W::from_le_bytes(state.mantissa), state.exponent);
        } else {
            self.widened(group).add(&limbs_of(state.mantissa), state.exponent);
        }
    }

    /// Adds `number * 2^exponent`, the number not zero.
    fn add_number(&mut self, group: usize, number: W, exponent: i32) {
        let slot = &mut self.slots[group];
        if slot.wide == NARROW {
            // Only if need be without its trailing zeros: they mark where the next values can be
            // expected.
            let zeros = number.trailing_zeros();
            if slot.accommodate(number, exponent)
                || slot.accommodate(number.shifted_right(zeros), exponent + zeros as i32)
            {
                return;
            }
        }
        self.widened(group).add(number.limbs().as_ref(), exponent);
    }

    /// The wide sum of a group, which becomes wide if it is not.
    fn widened(&mut self, group: usize) -> &mut Wide<W> {
        let slot = &mut self.slots[group];
        if slot.wide == NARROW {
            let mut wide = Wide::new();
            if slot.acc != W::ZERO {
                wide.add(slot.acc.limbs().as_ref(), slot.base);
            }
            slot.acc = W::ZERO;
            slot.base = NOWHERE;
            slot.wide = self.wide.len() as u32;
            self.wide.push(wide);
        }
        &mut self.wide[slot.wide as usize]
    }

    pub(super) fn encode(&self, group: usize, out: &mut Vec<u8>) {
        self.read(group, |kind, limbs, exponent| encode::encode(kind, limbs, exponent, out));
    }

    pub(super) fn round(&self, group: usize) -> f64 {
        self.read(group, |kind, limbs, exponent| match kind {
            Kind::Finite => limbs_to_f64(limbs, exponent),
            Kind::NaN => f64::NAN,
            Kind::PositiveInfinity => f64::INFINITY,
            Kind::NegativeInfinity => f64::NEG_INFINITY,
        })
    }

    pub(super) fn exact(&self, group: usize) -> Exact {
        self.read(group, |kind, limbs, exponent| match kind {
            Kind::Finite => exact_of(limbs, exponent),
            Kind::NaN => Exact::NaN,
            Kind::PositiveInfinity => Exact::PositiveInfinity,
            Kind::NegativeInfinity => Exact::NegativeInfinity,
        })
    }

    /// Hands out a sum as limbs and exponent, in whichever form it is.
    fn read<T>(&self, group: usize, reader: impl FnOnce(Kind, &[u64], i32) -> T) -> T {
        let slot = &self.slots[group];
        let kind = slot.specials.kind();
        if slot.wide == NARROW {
            reader(kind, slot.acc.limbs().as_ref(), if slot.base == NOWHERE { 0 } else { slot.base })
        } else {
            reader(kind, self.wide[slot.wide as usize].limbs(), W::EXPONENT_MIN)
        }
    }

    pub(super) fn split_off_front(&mut self, n: usize) -> Self {
        let rest = self.slots.split_off(n.min(self.slots.len()));
        let mut front = Self { slots: std::mem::replace(&mut self.slots, rest), wide: Vec::new() };
        if !self.wide.is_empty() {
            let mut all: Vec<_> = std::mem::take(&mut self.wide).into_iter().map(Some).collect();
            front.take_wide(&mut all);
            self.take_wide(&mut all);
        }
        front
    }

    /// Takes the wide sums of these slots out of `all`.
    fn take_wide(&mut self, all: &mut [Option<Wide<W>>]) {
        for slot in self.slots.iter_mut().filter(|slot| slot.wide != NARROW) {
            if let Some(wide) = all[slot.wide as usize].take() {
                slot.wide = self.wide.len() as u32;
                self.wide.push(wide);
            }
        }
    }

    pub(super) fn size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<W>>()
            + self.wide.capacity() * size_of::<Wide<W>>()
            + self.wide.iter().map(Wide::size).sum::<usize>()
    }
}

impl<W: Window> Slot<W> {
    const EMPTY: Self = Self { acc: W::ZERO, base: NOWHERE, wide: NARROW, specials: Specials::NONE };

    /// Moves the window so that it holds its sum and `number * 2^exponent`, and adds; false when it
    /// cannot.
    fn accommodate(&mut self, number: W, exponent: i32) -> bool {
        let (mut low, mut high) = (exponent, exponent + number.width());
        if self.acc != W::ZERO {
            low = low.min(self.base + self.acc.trailing_zeros() as i32);
            high = high.max(self.base + self.acc.width());
        }
        high += 1; // the sum of two is one bit longer
        // The free bits go half below, for smaller values, and half above, for larger ones and for
        // carries.
        let free = W::BITS - (high - low);
        let base = (low - free / 2).clamp(W::EXPONENT_MIN, W::BASE_MAX);
        if free < 0 || high - base > W::BITS {
            return false;
        }
        let acc = match base.wrapping_sub(self.base) {
            _ if self.acc == W::ZERO => W::ZERO,
            up @ 0.. => self.acc.shifted_right(up as u32),
            down => self.acc.shifted_left(down.unsigned_abs()),
        };
        let Some(acc) = acc.checked_add(number.shifted_left((exponent - base) as u32)) else {
            return false;
        };
        self.acc = acc;
        self.base = base;
        true
    }
}

fn exact_of(limbs: &[u64], exponent: i32) -> Exact {
    let mut mantissa = Vec::new();
    let zeros = encode::trailing_zeros(limbs);
    if let Some(zeros) = zeros {
        encode::push_mantissa(limbs, zeros, &mut mantissa);
    }
    Exact::Finite {
        mantissa: BigInt::from_signed_bytes_le(&mantissa),
        exponent: zeros.map_or(0, |zeros| exponent + zeros as i32),
    }
}

/// The limbs of a two's complement number.
fn limbs_of(bytes: &[u8]) -> Vec<u64> {
    let fill = sign_byte(bytes);
    let limb = |chunk: &[u8]| {
        let mut all = [fill; 8];
        all[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(all)
    };
    bytes.chunks(8).map(limb).collect()
}
