//! Do rare events come faster in a canary than in the arm beside it?
//!
//! Given their sum, events of two Poisson processes fall to the treatment with the odds `rho_t rate_t : rho_c rate_c`,
//! whatever the rates do over time, as long as their ratio stands. So the canary is a test of shares
//! ([`sample_ratio`](crate::sample_ratio)), and its interval one of the log rate ratio (M. Lindon and A. Malek, 2022,
//! section 4). **Validity.** Exact at every look, for events that come independently of each other; several of one
//! incident are one event.

use crate::error::{Result, open_range};
use crate::interval::Interval;
use crate::sample_ratio::SampleRatio;

/// How exposure is shared between the arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Canary {
    ratio: SampleRatio,
    log_odds: f64,
}

/// Events of both arms so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Events {
    /// Of the arm that may change something.
    pub treatment: u64,
    /// Of the arm it is compared with.
    pub control: u64,
}

impl Canary {
    /// `share` of the exposure (traffic or time) is the treatment's. A `concentration` of 1 knows nothing of the ratio,
    /// a greater one expects it near 1.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < share < 1` and `0 < concentration < 1e9`.
    pub fn new(share: f64, concentration: f64) -> Result<Self> {
        let share = open_range("share", share, 0.0, 1.0, "(0, 1)")?;
        let ratio = SampleRatio::new(&[share, 1.0 - share], concentration)?;
        Ok(Self { ratio, log_odds: (share / (1.0 - share)).ln() })
    }

    /// Logarithm of the e-value against equal rates.
    #[must_use]
    pub fn log_e_value(&self, events: Events) -> f64 {
        self.ratio.log_ratio(&[events.treatment, events.control])
    }

    /// The anytime-valid p-value of equal rates, `min(1, 1 / e)`.
    #[must_use]
    pub fn p_value(&self, events: Events) -> f64 {
        (-self.log_e_value(events)).exp().min(1.0)
    }

    /// Between which values `ln(rate_t / rate_c)` lies, at all looks with probability `1 - alpha`; infinite on a side
    /// that nothing speaks against. The canary does harm once `low` is above 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < alpha < 1`.
    pub fn log_rate_ratio(&self, events: Events, alpha: f64) -> Result<Interval> {
        let shares = self.ratio.intervals(&[events.treatment, events.control], alpha)?;
        let odds = |share: f64| (share / (1.0 - share)).ln() - self.log_odds;
        let Interval { low, high, level } = shares[0];
        Ok(Interval { low: odds(low), high: odds(high), level })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    /// savvi 0.3.1, `InhomogeneousPoissonProcess`.
    #[test]
    fn the_canary_matches_savvi() {
        let canary = Canary::new(0.5, 1.0).unwrap();
        let events = Events { treatment: 380, control: 300 };
        close(canary.p_value(events), 0.29241255418328255, 1e-8, "p");
        let interval = canary.log_rate_ratio(events, 0.05).unwrap();
        close(interval.low, -0.040643532508049904, 1e-4, "low");
        close(interval.high, 0.5164598939543642, 1e-4, "high");
    }

    #[test]
    fn a_tenth_of_the_traffic_is_expected_to_have_a_tenth_of_the_events() {
        let canary = Canary::new(0.1, 1.0).unwrap();
        let calm = canary.log_rate_ratio(Events { treatment: 10, control: 90 }, 0.05).unwrap();
        assert!(calm.low < 0.0 && calm.high > 0.0);
        let harm = canary.log_rate_ratio(Events { treatment: 40, control: 90 }, 0.05).unwrap();
        assert!(harm.low > 0.0 && canary.log_e_value(Events { treatment: 40, control: 90 }) > 20.0_f64.ln());
    }

    #[test]
    fn no_events_say_nothing() {
        let canary = Canary::new(0.5, 1.0).unwrap();
        let nothing = Events { treatment: 0, control: 0 };
        let interval = canary.log_rate_ratio(nothing, 0.05).unwrap();
        assert_eq!((interval.low, interval.high), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!(canary.p_value(nothing), 1.0);
        assert!(Canary::new(1.0, 1.0).is_err() && Canary::new(0.5, 0.0).is_err());
        assert!(canary.log_rate_ratio(nothing, f64::NAN).is_err());
    }
}
