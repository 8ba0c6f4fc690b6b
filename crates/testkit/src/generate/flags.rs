//! How does the set of flags a user is under become a list column?

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, NullBufferBuilder, StructArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::catalog::FLAG_SETS;
use super::columns::Text;
use super::error::Result;

const COLUMN: &str = "feature_flags";

/// Grows `feature_flags`.
pub(super) struct Flags {
    keys: Text,
    variants: Text,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Flags {
    /// Room for `rows`.
    pub(super) fn new(rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self {
            keys: Text::new(2 * rows, 9),
            variants: Text::new(2 * rows, 3),
            ends,
            nulls: NullBufferBuilder::new(rows),
        }
    }

    /// Adds the flags of a set, or null when they are not known.
    pub(super) fn push_option(&mut self, set: Option<u8>) {
        let flags = set.map_or(&[][..], |set| FLAG_SETS[usize::from(set)]);
        for (key, variant) in flags {
            self.keys.push(key);
            self.variants.push(variant);
        }
        self.ends.push(self.ends[self.ends.len() - 1] + flags.len() as i32);
        self.nulls.append(set.is_some());
    }

    /// The column, of the type the contract gives it.
    pub(super) fn finish(mut self) -> Result<ArrayRef> {
        let schema = tidegate_contract::decisions();
        let column = schema.field_with_name(COLUMN)?.data_type();
        let DataType::List(item) = column else {
            return Err(unexpected(column));
        };
        let DataType::Struct(fields) = item.data_type() else {
            return Err(unexpected(column));
        };
        let flags = vec![self.keys.finish()?, self.variants.finish()?];
        let flags = StructArray::try_new(fields.clone(), flags, None)?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        let lists = ListArray::try_new(Arc::clone(item), offsets, Arc::new(flags), self.nulls.finish())?;
        Ok(Arc::new(lists))
    }
}

fn unexpected(column: &DataType) -> super::Error {
    ArrowError::SchemaError(format!("{COLUMN} is {column}, not a list of key and variant")).into()
}
