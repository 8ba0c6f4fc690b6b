//! How is a column of a stream read, whatever encoding it came in?

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};

use crate::error::{Error, Result};

/// Columns of one batch of one stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) stream: &'static str,
    pub(crate) batch: &'a RecordBatch,
}

impl Columns<'_> {
    /// Refuses a batch that lacks one of `names`.
    pub(crate) fn require(&self, names: &[&str]) -> Result<()> {
        let missing = names.iter().filter(|name| self.batch.column_by_name(name).is_none());
        let missing = missing.map(|name| (*name).to_owned()).collect::<Vec<_>>();
        if missing.is_empty() { Ok(()) } else { Err(Error::MissingColumns { stream: self.stream, missing }) }
    }

    /// A column of text; nulls where the batch has none of this name.
    pub(crate) fn text(&self, name: &str) -> Result<StringArray> {
        Ok(self.read(name, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    /// A column of numbers; nulls where the batch has none of this name.
    pub(crate) fn number(&self, name: &str) -> Result<Float64Array> {
        Ok(self.read(name, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
    }

    /// A column of whole numbers.
    pub(crate) fn whole(&self, name: &str) -> Result<Int64Array> {
        Ok(self.read(name, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    }

    /// A column of instants.
    pub(crate) fn instant(&self, name: &str) -> Result<TimestampMicrosecondArray> {
        Ok(self.read(name, &instant())?.as_primitive::<TimestampMicrosecondType>().clone())
    }

    fn read(&self, name: &str, wanted: &DataType) -> Result<ArrayRef> {
        let Some(column) = self.batch.column_by_name(name) else {
            return Ok(new_null_array(wanted, self.batch.num_rows()));
        };
        cast(column, wanted).map_err(|_| Error::WrongType {
            stream: self.stream,
            column: name.to_owned(),
            found: column.data_type().to_string(),
            wanted: wanted.to_string(),
        })
    }
}

/// A point in time: microseconds, UTC.
pub(crate) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}
