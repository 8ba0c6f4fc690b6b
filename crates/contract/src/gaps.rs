//! What does a foreign schema lack against a contract?

use std::fmt;

use arrow::datatypes::{DataType, Schema};
use tidegate_document::nearest;

use crate::kinds::{Fit, fit, sql};
use crate::vocabulary::vocabulary;
use crate::{Column, DataContract};

vocabulary! {
    /// In what a schema differs from a contract.
    GapKind {
        /// A required column is not there: no row can be taken.
        MissingRequired = "missing_required",
        /// A required column has values of another type: no row can be taken.
        WrongTypeRequired = "wrong_type_required",
        /// A required column may be null: such rows are set aside.
        Nullable = "nullable",
        /// An optional column is not there: it is filled with null.
        Missing = "missing",
        /// An optional column has values of another type: it is filled with null.
        WrongType = "wrong_type",
        /// A column the contract does not have: it is dropped.
        Unlisted = "unlisted",
    }
}

impl GapKind {
    /// Whether no row can be taken.
    #[must_use]
    pub const fn is_blocking(self) -> bool {
        matches!(self, Self::MissingRequired | Self::WrongTypeRequired)
    }

    /// What follows for rows.
    #[must_use]
    pub const fn consequence(self) -> &'static str {
        match self {
            Self::MissingRequired | Self::WrongTypeRequired => "no row can be taken",
            Self::Nullable => "rows without it are set aside",
            Self::Missing | Self::WrongType => "it is null in every row",
            Self::Unlisted => "it is dropped",
        }
    }
}

/// One difference of a schema from a contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The column.
    pub column: String,
    /// In what it differs.
    pub kind: GapKind,
    /// The type that is promised, in SQL's words.
    pub promised: Option<String>,
    /// The type that was found.
    pub found: Option<String>,
    /// A column of a similar name that the contract does not have.
    pub similar: Option<String>,
}

impl Gap {
    fn of(column: &Column, kind: GapKind, found: Option<&DataType>) -> Self {
        Self {
            column: column.name.clone(),
            kind,
            promised: Some(sql(&column.data_type)),
            found: found.map(sql),
            similar: None,
        }
    }
}

/// In words, as a line of a report.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, follows) = (&self.column, self.kind.consequence());
        let (promised, found) =
            (self.promised.as_deref().unwrap_or_default(), self.found.as_deref().unwrap_or_default());
        match self.kind {
            GapKind::MissingRequired => write!(f, "`{column}` is required and not there: {follows}"),
            GapKind::Missing => write!(f, "`{column}` is not there: {follows}"),
            GapKind::WrongTypeRequired => {
                write!(f, "`{column}` is required as {promised} and has values of {found}: {follows}")
            }
            GapKind::WrongType => write!(f, "`{column}` is {promised} and has values of {found}: {follows}"),
            GapKind::Nullable => write!(f, "`{column}` is required and may be null: {follows}"),
            GapKind::Unlisted => write!(f, "`{column}` is not in the contract: {follows}"),
        }?;
        match &self.similar {
            Some(similar) => write!(f, "; there is a column `{similar}`"),
            None => Ok(()),
        }
    }
}

/// What rows of this schema lack against the contract, in the contract's order, and then what they have too much.
///
/// An empty answer means that rows can be taken as they are, as far as their columns go.
#[must_use]
pub fn gaps(contract: &DataContract, schema: &Schema) -> Vec<Gap> {
    let unlisted = schema.fields().iter().filter(|field| contract.column(field.name()).is_none());
    let unlisted = unlisted.map(|field| field.name().as_str()).collect::<Vec<_>>();
    let lacking = contract.columns.iter().filter_map(|column| {
        let Ok(field) = schema.field_with_name(&column.name) else {
            let kind = if column.required { GapKind::MissingRequired } else { GapKind::Missing };
            let similar = nearest(&column.name, &unlisted).map(str::to_owned);
            return Some(Gap { similar, ..Gap::of(column, kind, None) });
        };
        let found = field.data_type();
        match (fit(&column.data_type, found), column.required) {
            (Fit::No, true) => Some(Gap::of(column, GapKind::WrongTypeRequired, Some(found))),
            (Fit::No, false) => Some(Gap::of(column, GapKind::WrongType, Some(found))),
            (_, true) if field.is_nullable() => Some(Gap::of(column, GapKind::Nullable, Some(found))),
            _ => None,
        }
    });
    let too_much = schema.fields().iter().filter(|field| contract.column(field.name()).is_none()).map(|field| Gap {
        column: field.name().clone(),
        kind: GapKind::Unlisted,
        promised: None,
        found: Some(sql(field.data_type())),
        similar: None,
    });
    lacking.chain(too_much).collect()
}
