//! What does one column promise?
//!
//! A column is an Arrow field whose metadata carries the promise: [`CLASSIFICATION`] and [`SINCE_VERSION`] always,
//! [`PRIVACY_UNIT`] on the column that says whom a row is about.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::SCHEMA_VERSION;
use crate::vocabulary::vocabulary;

/// Metadata key: who may see the column, one of [`Classification::ALL`].
pub const CLASSIFICATION: &str = "classification";
/// Metadata key: what the column's values stand for when privacy is accounted, such as `user`.
pub const PRIVACY_UNIT: &str = "privacy_unit";
/// Metadata key: the schema version that brought the column.
pub const SINCE_VERSION: &str = "since_version";

vocabulary! {
    /// Who may see a column: the words of ODCS `classification` and CloudEvents `dataclassification`.
    Classification {
        /// Anyone.
        Public = "public",
        /// The operator's staff.
        Internal = "internal",
        /// Those who need it.
        Confidential = "confidential",
        /// Nobody by default; never leaves the private prefix.
        Restricted = "restricted",
    }
}

/// A column that every row reports.
pub(crate) fn required(name: &str, data_type: DataType, class: Classification) -> Field {
    field(name, data_type, false, class)
}

/// A column that may be null: not reported, never zero.
pub(crate) fn optional(name: &str, data_type: DataType, class: Classification) -> Field {
    field(name, data_type, true, class)
}

/// `column` as the privacy unit `unit`.
pub(crate) fn with_privacy_unit(column: Field, unit: &str) -> Field {
    let mut metadata = column.metadata().clone();
    metadata.insert(PRIVACY_UNIT.to_owned(), unit.to_owned());
    column.with_metadata(metadata)
}

/// Text of few distinct values.
pub(crate) fn coded() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// A point in time: microseconds, UTC.
pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn field(name: &str, data_type: DataType, nullable: bool, class: Classification) -> Field {
    Field::new(name, data_type, nullable).with_metadata(HashMap::from([
        (CLASSIFICATION.to_owned(), class.as_str().to_owned()),
        (SINCE_VERSION.to_owned(), SCHEMA_VERSION.to_owned()),
    ]))
}
