//! Where does a sum live when no window holds it? In a fixed-point number that spans the whole
//! range of its terms.
//!
//! Two's complement limbs, the lowest bit worth `2^EXPONENT_MIN`. Above the largest sum a state may
//! hold there are `HEADROOM_BITS` more, so carries never run out of the top however many states are
//! merged.

use std::marker::PhantomData;

use super::window::Window;

/// More merges than that many bits can count will not happen.
const HEADROOM_BITS: i32 = 76;

/// A full-range superaccumulator for the terms of `W`.
#[derive(Debug)]
pub(super) struct Wide<W> {
    limbs: Box<[u64]>,
    terms: PhantomData<W>,
}

impl<W: Window> Wide<W> {
    const LIMBS: usize = ((W::SUM_BITS_MAX - W::EXPONENT_MIN + HEADROOM_BITS) as usize).div_ceil(64);

    pub(super) fn new() -> Self {
        Self { limbs: vec![0; Self::LIMBS].into_boxed_slice(), terms: PhantomData }
    }

    /// Adds the two's complement number in `addend`, times `2^exponent`; the exponent is at least
    /// `EXPONENT_MIN`.
    pub(super) fn add(&mut self, addend: &[u64], exponent: i32) {
        let position = (exponent - W::EXPONENT_MIN) as usize;
        let (first, offset) = (position / 64, (position % 64) as u32);
        let sign = addend.last().map_or(0, |&top| ((top as i64) >> 63) as u64);
        let (mut carry, mut below) = (false, 0);
        let mut limbs = self.limbs.iter_mut().skip(first);
        // The addend leads: a zip takes one item too many from its first iterator.
        for (&bits, limb) in addend.iter().zip(limbs.by_ref()) {
            (*limb, carry) = limb.carrying_add(shifted(bits, below, offset), carry);
            below = bits;
        }
        for limb in limbs {
            let bits = shifted(sign, below, offset);
            // From here on only sign bits are added: all zeros without a carry, or all ones with
            // one, change nothing.
            if below == sign && carry == (sign != 0) {
                return;
            }
            (*limb, carry) = limb.carrying_add(bits, carry);
            below = sign;
        }
    }

    /// Limbs, least first, the lowest bit worth `2^EXPONENT_MIN`.
    pub(super) fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    /// Bytes allocated behind this value.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.limbs)
    }
}

/// The limb of a number shifted left by `offset`, from its bits and those of the limb below.
fn shifted(bits: u64, below: u64, offset: u32) -> u64 {
    if offset == 0 { bits } else { (bits << offset) | (below >> (64 - offset)) }
}
