//! Which rule did the design or the numbers break?

use crate::cost::Cost;

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A broken rule, with the facts a reader needs. None carries an exact number.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter lies outside the values it may take; `NaN` lies outside every range.
    #[error("{name} is {value}, it must lie in {allowed}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed, as an interval.
        allowed: &'static str,
    },
    /// No threshold keeps the promise: delta is too small for what floating point can certify.
    #[error("no threshold selects keys at delta {delta} for units in {max_groups} groups")]
    NoThreshold {
        /// The share of delta.
        delta: f64,
        /// Groups that one unit contributes to.
        max_groups: u32,
    },
    /// The exact numbers have another shape than the design.
    #[error("{what}: {found}, expected {expected}")]
    Shape {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be (or divide them).
        expected: usize,
    },
    /// The grant is worth less than the release costs.
    #[error(
        "the release costs {} nano-rho and {} atto-delta, the grant is for {} and {}",
        price.rho_nano, price.delta_atto, paid.rho_nano, paid.delta_atto
    )]
    Underpaid {
        /// What was paid.
        paid: Cost,
        /// What the release costs.
        price: Cost,
    },
    /// OpenDP refused to build a measurement, to give its price, or to draw.
    #[error("opendp: {message}")]
    Library {
        /// Its words.
        message: String,
    },
}

impl From<opendp::error::Error> for Error {
    fn from(error: opendp::error::Error) -> Self {
        let message = error.message.unwrap_or_else(|| error.variant.to_string());
        Self::Library { message }
    }
}

/// Passes a `value` on that is `allowed`; a `NaN` is allowed nowhere because no comparison with it holds.
pub(crate) fn range(ok: bool, name: &'static str, value: f64, allowed: &'static str) -> Result<f64> {
    if ok { Ok(value) } else { Err(Error::OutOfRange { name, value, allowed }) }
}
