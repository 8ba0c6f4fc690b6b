//! What are rows held against, and what is counted of them?
//!
//! A rule is a metric of the standard's library, a threshold, and perhaps what becomes of a row that breaks it. What a
//! column promises beside its quality rules (`required`, `unique`, `logicalTypeOptions`) is a rule as well.

use std::fmt;

use tidegate_document::Location;

use super::pattern::Pattern;
use crate::vocabulary::vocabulary;

vocabulary! {
    /// What becomes of a row, or of its batch, that breaks a rule (`onViolation`).
    Violation {
        /// The column is dropped from the batch: it is null in all of its rows.
        DropColumn = "drop_column",
        /// The row is set aside with a reason.
        QuarantineRow = "quarantine_row",
        /// Nothing of the batch is taken, and reading stops.
        Stop = "stop",
    }
}

vocabulary! {
    /// How bad it is when a threshold does not hold (`severity`).
    Severity {
        /// Worth knowing.
        Info = "info",
        /// Worth a look.
        Warning = "warning",
        /// Wrong.
        Error = "error",
    }
}

vocabulary! {
    /// What a threshold counts (`unit`).
    Unit {
        /// Rows.
        Rows = "rows",
        /// Percent of the rows.
        Percent = "percent",
    }
}

vocabulary! {
    /// How a count is compared with its threshold.
    Operator {
        /// `=`
        Be = "mustBe",
        /// `<>`
        NotBe = "mustNotBe",
        /// `>`
        BeGreaterThan = "mustBeGreaterThan",
        /// `>=`
        BeGreaterOrEqualTo = "mustBeGreaterOrEqualTo",
        /// `<`
        BeLessThan = "mustBeLessThan",
        /// `<=`
        BeLessOrEqualTo = "mustBeLessOrEqualTo",
        /// `>=` the first and `<=` the second.
        BeBetween = "mustBeBetween",
        /// `<` the first or `>` the second.
        NotBeBetween = "mustNotBeBetween",
    }
}

/// One rule of a contract.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// Its name, once for each column.
    pub name: String,
    /// The column it is about; the stream as a whole if absent.
    pub column: Option<String>,
    /// What is counted.
    pub metric: Metric,
    /// What the threshold counts.
    pub unit: Unit,
    /// What the count is compared with.
    pub threshold: Threshold,
    /// How bad it is when that does not hold.
    pub severity: Severity,
    /// What becomes of a row that is counted; nothing if absent.
    pub on_violation: Option<Violation>,
    /// Where it stands.
    pub at: Location,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Metric {
    /// Rows without a value.
    NullValues,
    /// Rows whose value stands for none.
    MissingValues {
        /// The values that do.
        values: Values,
        /// Whether null does.
        null: bool,
    },
    /// Rows whose value is not valid; null is.
    InvalidValues(Valid),
    /// Rows that repeat the values of an earlier row in these columns; rows with a null among them do not.
    DuplicateValues(Vec<String>),
    /// Rows.
    RowCount,
}

impl Metric {
    /// The standard's word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NullValues => "nullValues",
            Self::MissingValues { .. } => "missingValues",
            Self::InvalidValues(_) => "invalidValues",
            Self::DuplicateValues(_) => "duplicateValues",
            Self::RowCount => "rowCount",
        }
    }
}

/// What makes a value valid: all that is given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Valid {
    /// It is one of these.
    pub values: Option<Values>,
    /// It matches.
    pub pattern: Option<Pattern>,
    /// Its length in characters is in this range.
    pub length: Option<Range>,
    /// It is in this range.
    pub range: Option<Range>,
}

/// A set of values of one type, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// Texts.
    Text(Vec<String>),
    /// Whole numbers.
    Whole(Vec<i64>),
}

impl Values {
    /// Whether the text is one of them.
    #[must_use]
    pub fn has_text(&self, text: &str) -> bool {
        // A handful is compared faster one by one.
        const FEW: usize = 16;
        match self {
            Self::Text(texts) if texts.len() <= FEW => texts.iter().any(|one| one == text),
            Self::Text(texts) => texts.binary_search_by(|one| one.as_str().cmp(text)).is_ok(),
            Self::Whole(_) => false,
        }
    }

    /// Whether the number is one of them.
    #[must_use]
    pub fn has_whole(&self, number: i64) -> bool {
        matches!(self, Self::Whole(numbers) if numbers.binary_search(&number).is_ok())
    }

    /// The values as words, in order.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Text(texts) => texts.clone(),
            Self::Whole(numbers) => numbers.iter().map(ToString::to_string).collect(),
        }
    }
}

/// From one number to another; without one, as far as there are numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The least, and whether it belongs.
    pub from: Option<(f64, bool)>,
    /// The greatest, and whether it belongs.
    pub to: Option<(f64, bool)>,
}

impl Range {
    /// Whether the number lies in it; NaN lies in none.
    #[must_use]
    pub fn has(&self, number: f64) -> bool {
        let above = self.from.is_none_or(|(from, belongs)| number > from || (belongs && number == from));
        let below = self.to.is_none_or(|(to, belongs)| number < to || (belongs && number == to));
        above && below && !number.is_nan()
    }

    /// Whether all of the other lies in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let below = match (self.from, other.from) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((mine, belongs)), Some((theirs, theirs_belongs))) => {
                mine < theirs || (mine == theirs && (belongs || !theirs_belongs))
            }
        };
        let above = match (self.to, other.to) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((mine, belongs)), Some((theirs, theirs_belongs))) => {
                mine > theirs || (mine == theirs && (belongs || !theirs_belongs))
            }
        };
        below && above
    }
}

/// What a count is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: f64,
    /// The second number of `between`; the first again for the others.
    pub to: f64,
}

impl Threshold {
    pub(super) const ZERO: Self = Self { operator: Operator::Be, value: 0.0, to: 0.0 };

    /// Whether a count keeps it.
    #[must_use]
    pub fn holds(&self, observed: f64) -> bool {
        match self.operator {
            Operator::Be => observed == self.value,
            Operator::NotBe => observed != self.value,
            Operator::BeGreaterThan => observed > self.value,
            Operator::BeGreaterOrEqualTo => observed >= self.value,
            Operator::BeLessThan => observed < self.value,
            Operator::BeLessOrEqualTo => observed <= self.value,
            Operator::BeBetween => observed >= self.value && observed <= self.to,
            Operator::NotBeBetween => observed < self.value || observed > self.to,
        }
    }
}

/// `mustBeBetween 100 and 120`
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operator.as_str(), self.value)?;
        match self.operator {
            Operator::BeBetween | Operator::NotBeBetween => write!(f, " and {}", self.to),
            _ => Ok(()),
        }
    }
}
