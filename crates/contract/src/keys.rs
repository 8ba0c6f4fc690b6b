//! Which rows have the same key?
//!
//! A key is kept as 128 bits of a hash: SipHash of its values, the same in every layout of text. It is compared with others
//! of one process alone, and never written.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use siphasher::sip128::{Hasher128, SipHasher13};

/// Keys that were seen.
pub(crate) type Keys = HashSet<u128, BuildHasherDefault<Drawn>>;

/// Keys are hashes already: their first half is as good as drawn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawn(u64);

impl Hasher for Drawn {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

/// Adds the keys of some rows, and says how many rows have one: a null is no key. Beyond `max` keys none is known any more.
pub(crate) fn add_keys(columns: &[ArrayRef], max: usize, keys: &mut Option<Keys>) -> u64 {
    let nulls =
        columns.iter().fold(None, |nulls, column| NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref()));
    let rows = columns.first().map_or(0, |column| column.len());
    let keyed = rows - nulls.as_ref().map_or(0, NullBuffer::null_count);
    let Some(seen) = keys.as_mut().filter(|_| keyed > 0) else { return keyed as u64 };
    seen.reserve(keyed);
    let keyed_rows = (0..rows).filter(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row)));
    let added = match columns.iter().map(|column| Texts::of(column)).collect::<Option<Vec<_>>>() {
        Some(texts) => {
            seen.extend(keyed_rows.map(|row| hash_texts(&texts, row)));
            Ok(())
        }
        None => hash_values(columns, keyed_rows, seen),
    };
    // Of a type that cannot be compared nothing is known.
    if added.is_err() {
        *keys = None;
    }
    forget_beyond(max, keys);
    keyed as u64
}

pub(crate) fn union(mut one: Keys, other: Keys) -> Keys {
    if one.len() < other.len() {
        return union(other, one);
    }
    one.extend(other);
    one
}

pub(crate) fn forget_beyond(max: usize, keys: &mut Option<Keys>) {
    if keys.as_ref().is_some_and(|keys| keys.len() > max) {
        *keys = None;
    }
}

/// A column of text in one of Arrow's layouts.
enum Texts<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    Views(&'a StringViewArray),
    Coded { places: Vec<usize>, values: Box<Texts<'a>> },
}

impl<'a> Texts<'a> {
    /// `None` if it is no text, which a column is in all batches or in none.
    fn of(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => Some(Self::Small(array.as_string())),
            DataType::LargeUtf8 => Some(Self::Large(array.as_string())),
            DataType::Utf8View => Some(Self::Views(array.as_string_view())),
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                let values = Box::new(Self::of(dictionary.values())?);
                Some(Self::Coded { places: dictionary.normalized_keys(), values })
            }
            _ => None,
        }
    }

    /// The text of a row, which has one.
    fn value(&self, row: usize) -> &'a str {
        match self {
            Self::Small(texts) => texts.value(row),
            Self::Large(texts) => texts.value(row),
            Self::Views(texts) => texts.value(row),
            Self::Coded { places, values } => values.value(places[row]),
        }
    }
}

fn hash_texts(columns: &[Texts<'_>], row: usize) -> u128 {
    let mut hasher = SipHasher13::new();
    // After each text comes a byte that no text has, so that two columns are not taken for one.
    columns.iter().for_each(|texts| texts.value(row).hash(&mut hasher));
    hasher.finish128().as_u128()
}

/// One string of bytes for each row, the same in every layout of text.
fn hash_values(columns: &[ArrayRef], rows: impl Iterator<Item = usize>, seen: &mut Keys) -> Result<(), ArrowError> {
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let bytes = RowConverter::new(fields)?.convert_columns(columns)?;
    seen.extend(rows.map(|row| {
        let mut hasher = SipHasher13::new();
        hasher.write(bytes.row(row).as_ref());
        hasher.finish128().as_u128()
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn keys(columns: &[&[Option<&str>]]) -> (u64, usize) {
        let columns = columns.iter().map(|texts| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef);
        let mut keys = Some(Keys::default());
        let rows = add_keys(&columns.collect::<Vec<_>>(), 100, &mut keys);
        (rows, keys.unwrap().len())
    }

    #[test]
    fn where_one_text_ends_and_the_next_begins_belongs_to_the_key() {
        assert_eq!(keys(&[&[Some("ab"), Some("a")], &[Some("c"), Some("bc")]]), (2, 2));
        assert_eq!(keys(&[&[Some(""), Some("a")], &[Some("a"), Some("")]]), (2, 2));
    }

    #[test]
    fn rows_with_a_null_have_no_key() {
        assert_eq!(keys(&[&[Some("a"), None, Some("a")], &[Some("b"), Some("b"), None]]), (1, 1));
        assert_eq!(keys(&[&[None, None]]), (0, 0));
    }
}
