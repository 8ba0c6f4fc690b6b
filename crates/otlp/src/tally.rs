//! What became of everything that was sent?

use std::collections::BTreeMap;
use std::fmt;

/// Why a span, event or log record that should be a row is none. Never a value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing says whose it is.
    NoTenant,
    /// It says that it is another tenant's than the sender's.
    TenantMismatch,
    /// Its trace id or span id is none.
    InvalidId,
    /// It ends before it starts.
    EndsBeforeItStarts,
    /// It is a label, and nothing says on what.
    NoTarget,
    /// It lacks what this column requires.
    Missing(&'static str),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTenant => f.write_str("no tenant"),
            Self::TenantMismatch => f.write_str("another tenant than the sender's"),
            Self::InvalidId => f.write_str("no valid trace or span id"),
            Self::EndsBeforeItStarts => f.write_str("ends before it starts"),
            Self::NoTarget => f.write_str("a label on nothing"),
            Self::Missing(column) => write!(f, "nothing for column {column}"),
        }
    }
}

/// Why a span or log record is rightly no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// The mapping does not know what kind of span it is: a web request, a query of a database.
    OtherSpan,
    /// It would be a step, but belongs to no decision.
    NoDecision,
    /// Another span of the request has its ids.
    Repeated,
    /// A log record that is no label.
    OtherLog,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherSpan => "a span of no known kind",
            Self::NoDecision => "a step of no decision",
            Self::Repeated => "a span that was sent twice",
            Self::OtherLog => "a log record that is no label",
        })
    }
}

/// What became of everything in a request.
///
/// `spans = decisions + steps + evaluators + rejected spans + ignored spans`; labels come on top, because one span can
/// carry many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Spans (or rows of a table of spans) that were read.
    pub spans: u64,
    /// Log records (or rows of a table of labels) that were read.
    pub logs: u64,
    /// Rows of `decisions`.
    pub decisions: u64,
    /// Rows of `decision_steps`.
    pub steps: u64,
    /// Rows of `labels`.
    pub labels: u64,
    /// Spans that only carry labels.
    pub evaluators: u64,
    /// Rows that were refused, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Spans among them.
    pub rejected_spans: u64,
    /// Log records among them.
    pub rejected_logs: u64,
    /// Spans and log records that are no rows, by reason.
    pub ignored: BTreeMap<Ignored, u64>,
    /// Attributes that no column asks for, by key; keys that may be secrets, or are too many, under `other`.
    pub dropped_attributes: BTreeMap<String, u64>,
    /// Texts that were too long for a column, and count as not reported.
    pub too_long: u64,
}

impl Tally {
    /// What OTLP's partial success says of the rejected records; nothing if none was.
    ///
    /// ```
    /// assert_eq!(tidegate_otlp::Tally::default().message(), None);
    /// ```
    pub fn message(&self) -> Option<String> {
        let reasons: Vec<_> = self.rejected.iter().map(|(reason, rows)| format!("{rows} with {reason}")).collect();
        (!reasons.is_empty()).then(|| format!("rejected: {}", reasons.join(", ")))
    }

    pub(crate) fn reject(&mut self, reason: Reason) {
        *self.rejected.entry(reason).or_default() += 1;
    }

    pub(crate) fn ignore(&mut self, reason: Ignored) {
        *self.ignored.entry(reason).or_default() += 1;
    }
}
