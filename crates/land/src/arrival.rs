//! What arrives, and what is answered?

use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

/// The longest name of a producer, in bytes.
const LONGEST: usize = 64;

/// Who sends: a name that can stand in the name of a file.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Producer(Arc<str>);

/// Why a text cannot name a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a producer is named by 1 to {LONGEST} of the characters a-z, 0-9, `-`, `_` and `.`, the first a letter or digit"
)]
pub struct InvalidProducer;

impl Producer {
    /// Checks a name. Capitals are refused: some file systems do not tell them apart.
    ///
    /// ```
    /// use tidegate_land::Producer;
    /// assert!(Producer::new("agent-7.eu").is_ok());
    /// assert!(Producer::new("../agent").is_err());
    /// ```
    ///
    /// # Errors
    /// [`InvalidProducer`], which says what a name may be.
    pub fn new(name: &str) -> Result<Self, InvalidProducer> {
        let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let plain = |c: char| alphanumeric(c) || matches!(c, '-' | '_' | '.');
        let fits = name.len() <= LONGEST && name.starts_with(alphanumeric) && name.chars().all(plain);
        if fits { Ok(Self(name.into())) } else { Err(InvalidProducer) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// Rows that arrived together.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Who sent them.
    pub producer: Producer,
    /// The number of this arrival among those of its producer, counted from 1 without a gap.
    pub sequence: u64,
    /// The rows; there may be none.
    pub batch: RecordBatch,
}

/// The rows of an arrival are landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the arrival.
    pub sequence: u64,
    /// Whether they had been sent before.
    pub duplicate: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producer_is_a_name_that_is_safe_in_a_file_name() {
        for good in ["a", "0", "agent-7.eu_west", &"x".repeat(64)] {
            assert!(Producer::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".a", "-a", "a/b", "a\\b", "A", "é", "a b", "a#1", "a\0", &"x".repeat(65)] {
            assert!(Producer::new(bad).is_err(), "{bad:?}");
        }
    }
}
