//! What can be wrong with a sketch, or with two?

/// The result of working with sketches.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a sketch could not be made, merged or read. No message carries a value that was added.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter lies outside the values it may take; `NaN` lies outside every range.
    #[error("{name} is {value}, it must lie in {allowed}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Two sketches were made with different parameters.
    #[error("sketches with {name} {left} and {right} do not go together; make both with the same {name}")]
    Unlike {
        /// The parameter.
        name: &'static str,
        /// The value of the one.
        left: f64,
        /// The value of the other.
        right: f64,
    },
    /// A sketch of numbers meets one of categories.
    #[error("a sketch of {left} and one of {right} do not go together")]
    UnlikeKinds {
        /// What the one holds.
        left: &'static str,
        /// What the other holds.
        right: &'static str,
    },
    /// More is to be taken away than was ever added.
    #[error("the sketch does not hold what is to be taken away")]
    NotHeld,
    /// Values cannot be taken back out of a sketch that has folded some of them together.
    #[error("the sketch has seen more than {capacity} categories; nothing can be taken back out of it")]
    Folded {
        /// How many categories it keeps.
        capacity: u32,
    },
    /// More rows than a signed 64-bit number tells.
    #[error("a sketch counts at most 2^63 - 1 rows")]
    Overflow,
    /// Bytes that should hold a sketch do not.
    #[error("not a readable {kind}: wrong {check}")]
    Corrupt {
        /// What the bytes should hold.
        kind: &'static str,
        /// Which check failed.
        check: &'static str,
    },
}
