//! How many of how many?

use crate::error::{Error, Result};

/// `num` hits in `den` trials; at least one trial, and no more hits than trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    num: u64,
    den: u64,
}

impl Proportion {
    /// # Errors
    /// [`Error::EmptyProportion`] for `den = 0`, [`Error::NumAboveDen`] for `num > den`.
    pub fn new(num: u64, den: u64) -> Result<Self> {
        if den == 0 {
            return Err(Error::EmptyProportion);
        }
        if num > den {
            return Err(Error::NumAboveDen { num, den });
        }
        Ok(Self { num, den })
    }

    /// Hits.
    #[must_use]
    pub fn num(self) -> u64 {
        self.num
    }

    /// Trials.
    #[must_use]
    pub fn den(self) -> u64 {
        self.den
    }

    /// `num / den`.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.hits() / self.trials()
    }

    pub(crate) fn hits(self) -> f64 {
        self.num as f64
    }

    pub(crate) fn trials(self) -> f64 {
        self.den as f64
    }
}

/// The two proportions a comparison speaks about, named so that they cannot be swapped unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportions {
    /// The arm that may change something.
    pub treatment: Proportion,
    /// The arm it is compared with.
    pub control: Proportion,
}

impl Proportions {
    /// `p_t - p_c`.
    #[must_use]
    pub fn difference(self) -> f64 {
        self.treatment.rate() - self.control.rate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_counts_are_refused() {
        assert_eq!(Proportion::new(0, 0), Err(Error::EmptyProportion));
        assert_eq!(Proportion::new(5, 4), Err(Error::NumAboveDen { num: 5, den: 4 }));
        assert_eq!(Proportion::new(4, 4).unwrap().rate(), 1.0);
        assert_eq!(Proportion::new(0, 4).unwrap().rate(), 0.0);
    }
}
