//! What did the author of a stream promise about its rows?
//!
//! A [`StreamContract`] is what `CREATE STREAM ... WITH (...)` says once its options are read. It does not know where
//! the files are or how they are read; that is the business of `source`.

use arrow::datatypes::SchemaRef;

use crate::EpochUnit;

const DAY_US: i64 = 86_400_000_000;

/// How rows that are delivered more than once are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dedupe {
    /// Rows that agree in these columns are one row.
    pub columns: Vec<String>,
    /// How far behind the stream's latest event a key is remembered, in microseconds.
    pub horizon_us: i64,
    /// The column that holds a hash of what may never change of a row: one of the same key with another hash is no
    /// repetition but a conflict.
    pub seal: Option<String>,
}

/// What a stream promises to every signal that reads it.
///
/// ```
/// use tidegate_contract::stream::StreamContract;
///
/// let decisions = StreamContract {
///     event_time: Some("event_time".into()),
///     watermark_us: 600_000_000,
///     privacy_unit: Some("user_token".into()),
///     ..StreamContract::new("decisions")
/// };
/// assert!(decisions.is_protected());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StreamContract {
    /// The name that SQL uses for the stream.
    pub name: String,
    /// The column that says when a row happened; without it the stream has no windows.
    pub event_time: Option<String>,
    /// What an event time that is a number counts since 1970; without it, a number is no time.
    pub event_time_unit: Option<EpochUnit>,
    /// How far behind the latest event a row may be before it is late, in microseconds.
    pub watermark_us: i64,
    /// The column that says whose row it is.
    pub tenant: Option<String>,
    /// The column that names the person or thing whose privacy is protected.
    pub privacy_unit: Option<String>,
    /// The partition folder (`name=value`) that tells producers apart: each has a watermark of its own, and the slowest
    /// counts. Without it the stream has one.
    pub split_by: Option<String>,
    /// After how much silence, in microseconds by the clock, a producer holds back the others no longer, and a stream
    /// counts as ended until more arrives.
    pub idle_timeout_us: Option<i64>,
    /// How far after its file landed a row may be dated, in microseconds; beyond, it is set aside.
    pub max_future_skew_us: i64,
    /// By which columns a row that is delivered again is known.
    pub dedupe: Option<Dedupe>,
    /// The column that says how far a row may be learnt from.
    pub learning_scope: Option<String>,
    /// The columns the author wrote down; without them they are inferred from the files.
    pub declared: Option<SchemaRef>,
}

impl StreamContract {
    /// A contract that promises nothing but a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            event_time: None,
            event_time_unit: None,
            watermark_us: 0,
            tenant: None,
            privacy_unit: None,
            split_by: None,
            idle_timeout_us: None,
            max_future_skew_us: DAY_US,
            dedupe: None,
            learning_scope: None,
            declared: None,
        }
    }

    /// Whether rows of this stream speak about a privacy unit, so that nothing of it is shown unprotected.
    pub fn is_protected(&self) -> bool {
        self.privacy_unit.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::StreamContract;

    #[test]
    fn a_stream_is_protected_when_it_names_a_privacy_unit() {
        let mut contract = StreamContract::new("decisions");
        assert!(!contract.is_protected());
        contract.privacy_unit = Some("user_token".into());
        assert!(contract.is_protected());
    }
}
