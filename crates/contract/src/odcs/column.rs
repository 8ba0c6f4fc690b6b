//! What does a contract say of one column?

use std::fmt;

use arrow::datatypes::{DataType, Field};
use chrono::NaiveDate;
use semver::Version;
use tidegate_document::Location;

use crate::{CLASSIFICATION, Classification, IngestPolicy, PRIVACY_UNIT, SINCE_VERSION};

/// One column of a contract.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type. Text may be delivered in any of Arrow's layouts for text.
    pub data_type: DataType,
    /// Whether every row reports it.
    pub required: bool,
    /// Whether no two rows have the same value.
    pub unique: bool,
    /// Whether it is part of the key by which rows are told apart.
    pub primary_key: bool,
    /// Who may see it; the contract's class where it does not say.
    pub classification: Classification,
    /// What may be kept of it when rows arrive.
    pub ingest_policy: IngestPolicy,
    /// What its values stand for when privacy is accounted, such as `user`.
    pub privacy_unit: Option<String>,
    /// The attribute of telemetry it is filled from; columns named `attr_...` only.
    pub attribute: Option<String>,
    /// What rows from before it was there are read as.
    pub default: Option<Literal>,
    /// The last day on which readers can count on it.
    pub sunset: Option<NaiveDate>,
    /// The contract's version that brought it.
    pub since: Version,
    /// Where its name stands.
    pub at: Location,
}

impl Column {
    /// The column as an Arrow field.
    #[must_use]
    pub fn field(&self) -> Field {
        let said = [(CLASSIFICATION, self.classification.as_str().to_owned()), (SINCE_VERSION, self.since.to_string())];
        let unit = self.privacy_unit.clone().map(|unit| (PRIVACY_UNIT, unit));
        let metadata = said.into_iter().chain(unit).map(|(key, value)| (key.to_owned(), value)).collect();
        Field::new(&self.name, self.data_type.clone(), !self.required).with_metadata(metadata)
    }
}

/// A value that can stand in a file and in SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A number, finite.
    Number(f64),
    /// True or false.
    Bool(bool),
}

/// As it stands in SQL.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Bool(value) => f.write_str(if *value { "TRUE" } else { "FALSE" }),
        }
    }
}
