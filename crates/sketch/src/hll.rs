//! How many values were distinct?

mod encode;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::hash::hash;

/// A HyperLogLog of dense registers (Flajolet, Fusy, Gandouet, Meunier, 2007) with the improved estimator of Ertl
/// ("New cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no table and no
/// switch between small and great counts. Its standard error is `1.04 / sqrt(2^lg_k)`: 1.6 % at 12.
///
/// It keeps, per part of the hashes, the longest run of zero bits: what was seen, never how often or in which
/// order, so that merging may count a value twice. Nothing can be taken away. It takes `2^lg_k` bytes.
///
/// The sketch of Apache DataSketches is not used: it estimates from the order in which values came, and writes
/// small sets in that order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hll {
    lg_k: u8,
    /// Empty while nothing was added.
    registers: Vec<u8>,
}

impl Hll {
    /// The logarithm of the number of registers unless another is asked for.
    pub const LG_K: u8 = 12;

    /// An empty sketch of `2^lg_k` registers.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `lg_k` lies in `[4, 18]`.
    pub fn new(lg_k: u8) -> Result<Self> {
        if !(4..=18).contains(&lg_k) {
            return Err(Error::OutOfRange { name: "lg_k", value: lg_k.into(), allowed: "[4, 18]" });
        }
        Ok(Self { lg_k, registers: Vec::new() })
    }

    /// The logarithm of the number of registers.
    #[must_use]
    pub fn lg_k(&self) -> u8 {
        self.lg_k
    }

    /// Adds a value by its bytes: equal values must have equal ones.
    pub fn add(&mut self, value: &[u8]) {
        let hash = hash(value);
        let register = (hash >> (64 - self.lg_k)) as usize;
        // The run of zeros after the bits that chose the register, and one.
        let run = (hash << self.lg_k).leading_zeros().min(self.bits().into()) as u8 + 1;
        let registers = self.registers_mut();
        registers[register] = registers[register].max(run);
    }

    /// Adds a number. `-0.0` is `0.0`, and all NaN are one value.
    pub fn add_number(&mut self, x: f64) {
        let canonical = if x == 0.0 {
            0.0
        } else if x.is_nan() {
            f64::NAN
        } else {
            x
        };
        self.add(&canonical.to_bits().to_le_bytes());
    }

    /// Adds all that `other` has seen.
    ///
    /// # Errors
    /// [`Error::Unlike`] if the numbers of registers differ. The sketch is then as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.alike(other)?;
        if !other.registers.is_empty() {
            for (mine, theirs) in self.registers_mut().iter_mut().zip(&other.registers) {
                *mine = (*mine).max(*theirs);
            }
        }
        Ok(())
    }

    /// Refuses another number of registers.
    pub(crate) fn alike(&self, other: &Self) -> Result<()> {
        if self.lg_k == other.lg_k {
            return Ok(());
        }
        Err(Error::Unlike { name: "lg_k", left: self.lg_k.into(), right: other.lg_k.into() })
    }

    /// About how many values were distinct; 0 if none was added.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        if self.registers.is_empty() {
            return 0.0;
        }
        let bits = usize::from(self.bits());
        let mut registers_with = vec![0_u32; bits + 2];
        for run in &self.registers {
            registers_with[usize::from(*run)] += 1;
        }
        let registers = self.registers.len() as f64;
        let share = |run: usize| f64::from(registers_with[run]) / registers;
        let mut sum = registers * tau(1.0 - share(bits + 1));
        for run in (1..=bits).rev() {
            sum = 0.5 * (sum + f64::from(registers_with[run]));
        }
        sum += registers * sigma(share(0));
        registers * registers / (2.0 * std::f64::consts::LN_2 * sum)
    }

    /// How many bits of a hash do not choose the register.
    fn bits(&self) -> u8 {
        64 - self.lg_k
    }

    fn registers_mut(&mut self) -> &mut [u8] {
        self.registers.resize(1 << self.lg_k, 0);
        &mut self.registers
    }

    /// How many bytes the sketch takes beside its own value.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.registers.capacity()
    }
}

impl Default for Hll {
    /// An empty sketch of `2^LG_K` registers, see [`LG_K`](Self::LG_K).
    fn default() -> Self {
        Self { lg_k: Self::LG_K, registers: Vec::new() }
    }
}

/// `x + sum of x^(2^k) 2^(k-1)`, for registers that saw nothing.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

/// `(1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3`, for registers that can count no further.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x).powi(2) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}
