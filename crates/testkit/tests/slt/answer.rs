//! How does an answer look in a `.slt` file?

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::Span;
use sqllogictest::{ColumnType, DBOutput};
use tidegate_signal::{Place, Refusal, SourceText};

/// The result of a statement.
pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a statement failed: for a refusal its code, cause and fix.
#[derive(Debug, Clone)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(cause: impl Into<String>) -> Self {
        Self(cause.into())
    }

    /// What cannot go on, in its own words.
    pub(crate) fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    /// A query that DataFusion does not take, explained as `tidegate sql` does.
    pub(crate) fn of_query(text: &str, error: &DataFusionError) -> Self {
        let source = SourceText::new("query", text);
        Self::from(Refusal::from_datafusion(error, &Place::new(&source, Span::empty())))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (line, column) = (refusal.place.line(), refusal.place.column());
        Self(format!("{} at {line}:{column}: {}; {}", refusal.code, refusal.cause, refusal.fix))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// The type of a column, by the letters that DataFusion's own files use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Boolean,
    Date,
    Integer,
    Timestamp,
    Real,
    Text,
    Other,
}

impl ColumnType for Column {
    fn from_char(letter: char) -> Option<Self> {
        let letters = [Self::Boolean, Self::Date, Self::Integer, Self::Timestamp, Self::Real, Self::Text, Self::Other];
        letters.into_iter().find(|column| column.to_char() == letter)
    }

    fn to_char(&self) -> char {
        match self {
            Self::Boolean => 'B',
            Self::Date => 'D',
            Self::Integer => 'I',
            Self::Timestamp => 'P',
            Self::Real => 'R',
            Self::Text => 'T',
            Self::Other => '?',
        }
    }
}

impl Column {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Date32 | DataType::Date64 => Self::Date,
            integer if integer.is_integer() => Self::Integer,
            DataType::Timestamp(..) => Self::Timestamp,
            DataType::Decimal128(..) | DataType::Decimal256(..) => Self::Real,
            float if float.is_floating() => Self::Real,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            _ => Self::Other,
        }
    }
}

/// Rows as text: `NULL` for null, `(empty)` for an empty string.
pub(crate) fn rows(schema: &Schema, batches: &[RecordBatch]) -> Result<DBOutput<Column>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(Failure::of)?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| {
                let cell = column.value(row).try_to_string().map_err(Failure::of)?;
                Ok(if cell.is_empty() { "(empty)".to_owned() } else { cell })
            });
            rows.push(cells.collect::<Result<Vec<_>>>()?);
        }
    }
    let types = schema.fields().iter().map(|field| Column::of(field.data_type())).collect();
    Ok(DBOutput::Rows { types, rows })
}

/// One row of counts.
pub(crate) fn counts(counts: &[u64]) -> DBOutput<Column> {
    DBOutput::Rows {
        types: vec![Column::Integer; counts.len()],
        rows: vec![counts.iter().map(ToString::to_string).collect()],
    }
}
