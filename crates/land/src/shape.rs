//! Do rows fit the stream, and how are they brought into its columns?
//!
//! Columns are found by name. Text may be laid out in any way, and stays so: Parquet writes the same of all. Integers may be
//! of any width as long as the values fit, and times may have any unit and zone; a time without a zone is taken as UTC, as
//! when files are read. All else must be the type of the stream.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, make_array, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::{Error, Extra, Result};

/// How much of a name or type is shown.
const SHOWN: usize = 120;

/// The columns of the stream, and what is done with others.
#[derive(Debug)]
pub(crate) struct Shape {
    schema: SchemaRef,
    extra: Extra,
}

/// Where each column of the stream comes from.
#[derive(Debug)]
pub(crate) struct Fit {
    schema: SchemaRef,
    /// The index among the columns of the rows, or nothing for a column of nulls.
    from: Vec<Option<usize>>,
}

impl Shape {
    pub(crate) fn new(schema: SchemaRef, extra: Extra) -> Self {
        Self { schema, extra }
    }

    /// Whether rows of these columns can be brought into the stream's.
    pub(crate) fn fit(&self, rows: &Schema) -> Result<Fit> {
        self.check_names(rows)?;
        let from = self.schema.fields().iter().map(|field| source_of(field, rows)).collect::<Result<_>>()?;
        Ok(Fit { schema: Arc::clone(&self.schema), from })
    }

    fn check_names(&self, rows: &Schema) -> Result<()> {
        let mut seen = HashSet::with_capacity(rows.fields().len());
        for field in rows.fields() {
            let name = field.name().as_str();
            if !seen.insert(name) {
                return Err(Error::RepeatedColumn { column: shown(name) });
            }
            if self.extra == Extra::Refuse && self.schema.index_of(name).is_err() {
                return Err(Error::UnknownColumn { column: shown(name) });
            }
        }
        Ok(())
    }
}

/// Which column of the rows becomes this one of the stream.
fn source_of(field: &Field, rows: &Schema) -> Result<Option<usize>> {
    let Some((index, found)) = rows.fields().find(field.name()) else {
        return if field.is_nullable() { Ok(None) } else { Err(Error::MissingColumn { column: field.name().clone() }) };
    };
    if is_convertible(found.data_type(), field.data_type()) {
        return Ok(Some(index));
    }
    Err(Error::WrongType {
        column: field.name().clone(),
        expected: shown(&field.data_type().to_string()),
        found: shown(&found.data_type().to_string()),
    })
}

fn is_convertible(from: &DataType, to: &DataType) -> bool {
    use DataType::{Float32, Float64, Null, Timestamp};
    match (from, to) {
        (from, to) if from == to => true,
        (Null, _) | (Float32, Float64) | (Timestamp(..), Timestamp(..)) => true,
        (from, to) if is_text(from) && is_text(to) => true,
        (from, to) if from.is_integer() && to.is_integer() => true,
        (from, to) if is_binary(from) && is_binary(to) => true,
        (from, to) => from.is_nested() && from.equals_datatype(to),
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn is_binary(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

impl Fit {
    /// How many bytes the rows take, once they are in the stream's columns. Buffers that several columns or batches share,
    /// as in what is decoded from a network, count as far as they are used.
    pub(crate) fn bytes(&self, rows: &RecordBatch) -> usize {
        let columns = self.from.iter().zip(self.schema.fields());
        columns
            .map(|(from, field)| match from {
                Some(index) => used_bytes(rows.column(*index)),
                None => null_bytes(field.data_type(), rows.num_rows()),
            })
            .sum()
    }

    /// The rows in the stream's columns, texts in the layout in which they came.
    pub(crate) fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        if rows.schema_ref().fields() == self.schema.fields() {
            return self.assemble(rows.columns().to_vec(), rows.num_rows());
        }
        let columns = self.from.iter().zip(self.schema.fields());
        let columns = columns.map(|(from, field)| match from {
            Some(index) => convert(rows.column(*index), field),
            None => Ok(new_null_array(field.data_type(), rows.num_rows())),
        });
        self.assemble(columns.collect::<Result<_>>()?, rows.num_rows())
    }

    fn assemble(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(columns.len());
        for (column, field) in columns.iter().zip(self.schema.fields()) {
            check_nulls(column, field)?;
            fields.push(match column.data_type() == field.data_type() {
                true => Arc::clone(field),
                false => Arc::new(field.as_ref().clone().with_data_type(column.data_type().clone())),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(|_| Error::Encode)
    }
}

fn check_nulls(column: &ArrayRef, field: &FieldRef) -> Result<()> {
    if field.is_nullable() {
        return Ok(());
    }
    match column.logical_null_count() {
        0 => Ok(()),
        nulls => Err(Error::Nulls { column: field.name().clone(), nulls }),
    }
}

fn convert(column: &ArrayRef, field: &FieldRef) -> Result<ArrayRef> {
    let to = field.data_type();
    if column.data_type() == to || (is_text(column.data_type()) && is_text(to)) {
        return Ok(Arc::clone(column));
    }
    // What the kernel says would quote the value.
    let misfit = || Error::OutOfRange { column: field.name().clone(), expected: shown(&to.to_string()) };
    let cast = |column: &ArrayRef, to: &DataType| {
        cast_with_options(column, to, &CastOptions { safe: false, ..CastOptions::default() }).map_err(|_| misfit())
    };
    match (column.data_type(), to) {
        (DataType::Null, to) => Ok(new_null_array(to, column.len())),
        (DataType::Timestamp(from, _), DataType::Timestamp(unit, zone)) => {
            // Instants in another unit. Zones only say how they are shown, and reading their names would need a table.
            let instants = relabelled(column, DataType::Timestamp(*from, None)).ok_or(Error::Encode)?;
            let instants = cast(&instants, &DataType::Timestamp(*unit, None))?;
            relabelled(&instants, DataType::Timestamp(*unit, zone.clone())).ok_or(Error::Encode)
        }
        (from, to) if from.is_nested() => relabelled_nested(column, to).ok_or_else(misfit),
        (_, to) => cast(column, to),
    }
}

/// The same bytes under another type of the same layout.
fn relabelled(column: &ArrayRef, to: DataType) -> Option<ArrayRef> {
    column.to_data().into_builder().data_type(to).build().ok().map(make_array)
}

/// The same bytes with other names inside.
fn relabelled_nested(column: &ArrayRef, to: &DataType) -> Option<ArrayRef> {
    relabelled_data(column.to_data(), to).map(make_array)
}

fn relabelled_data(data: arrow::array::ArrayData, to: &DataType) -> Option<arrow::array::ArrayData> {
    let inside: Vec<&DataType> = match to {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => {
            vec![item.data_type()]
        }
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        same => return (data.data_type() == same).then_some(data),
    };
    let children = data.child_data().iter().cloned().zip(inside);
    let children = children.map(|(child, to)| relabelled_data(child, to)).collect::<Option<_>>()?;
    data.into_builder().data_type(to.clone()).child_data(children).build().ok()
}

/// The bytes of buffers that these rows use.
fn used_bytes(column: &ArrayRef) -> usize {
    let used = column.to_data().get_slice_memory_size();
    // Views do not say; their buffers may be shared with other rows, so this is at least what they use.
    used.unwrap_or_else(|_| column.get_array_memory_size())
}

/// About what a column of nulls takes.
fn null_bytes(data_type: &DataType, rows: usize) -> usize {
    let width = match data_type {
        DataType::Struct(fields) => return fields.iter().map(|field| null_bytes(field.data_type(), rows)).sum(),
        DataType::FixedSizeList(item, size) => {
            return null_bytes(item.data_type(), rows.saturating_mul(usize::try_from(*size).unwrap_or(0)));
        }
        DataType::FixedSizeBinary(width) => usize::try_from(*width).unwrap_or(0),
        DataType::Dictionary(keys, _) => keys.primitive_width().unwrap_or(8),
        DataType::Boolean | DataType::Null => 1,
        other => other.primitive_width().unwrap_or(16),
    };
    rows.saturating_mul(width + 1)
}

/// A name that somebody sent, cut where it becomes unreasonable.
fn shown(name: &str) -> String {
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
