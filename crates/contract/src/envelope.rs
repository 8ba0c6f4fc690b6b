//! What of a decision may never change, and how is a change noticed?
//!
//! The envelope of a decision is everything that was fixed when it was made: who, when, where, and which versions
//! decided (columns 1 to 7 and 9 to 31 of [`decisions`]). Its hash is written beside it. A row that is delivered again
//! with the same `decision_id` and another hash is a conflict, not an update.
//!
//! # The bytes that are hashed
//! For each column of the envelope, in the order of the schema, whatever the order in the batch:
//!
//! | Value | Bytes |
//! |---|---|
//! | null, or a column that the batch does not have | `00` |
//! | text | `01`, its length in bytes as 8 bytes little-endian, its UTF-8 bytes |
//! | time | `02`, microseconds since 1970 as 8 bytes little-endian, two's complement |
//! | list of flags | `03`, their number as 8 bytes little-endian, then of each its key and variant as text or null |
//!
//! The hash is SHA-256, as 64 lower-case hex digits. It does not depend on how Arrow holds a text: plain, large, view and
//! dictionary give the same; and a null differs from an empty text.
//!
//! The hash is taken **after redaction**: `user_token` is part of it, and a hash over raw user ids would let anyone who
//! knows the other columns try ids until one fits.

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, StringBuilder, StructArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, Schema};
use arrow::error::ArrowError;
use sha2::{Digest, Sha256};
use std::sync::Arc;

use crate::kinds::is_text;
use crate::{decisions, field::instant};

/// The name of the column that holds the hash.
pub const ENVELOPE_HASH: &str = "envelope_hash";

/// A batch whose envelope cannot be hashed.
#[derive(Debug)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// A column has a type that it cannot have in `decisions`.
    WrongType {
        /// The column.
        column: String,
        /// What it should hold: text, time or flags.
        expected: &'static str,
        /// The type it has.
        found: Box<DataType>,
    },
    /// The batch with the hash cannot be put together.
    Arrow(ArrowError),
}

impl std::fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WrongType { column, expected, found } => write!(
                f,
                "column `{column}` of a decision is {found}, which is not {expected}: give it the type of the schema"
            ),
            Self::Arrow(error) => write!(f, "the envelope hash cannot be added: {error}"),
        }
    }
}

impl std::error::Error for EnvelopeError {}

/// The hash of the envelope of each row of `decisions`.
///
/// A column of the envelope that the batch does not have counts as null in every row.
///
/// # Guarantee
/// Equal values give equal hashes in every encoding of text. Held by the tests of this module.
///
/// # Errors
/// [`EnvelopeError::WrongType`] when a column of the envelope holds neither text, time nor flags where it should.
pub fn envelope_hash(batch: &RecordBatch) -> Result<StringArray, EnvelopeError> {
    let columns = Part::of(batch)?;
    let mut hashes = StringBuilder::with_capacity(batch.num_rows(), batch.num_rows() * 64);
    // Gathered first: a hash that is told a few bytes at a time takes twice as long.
    let mut bytes = Vec::new();
    for row in 0..batch.num_rows() {
        bytes.clear();
        columns.iter().for_each(|column| column.write(&mut bytes, row));
        hashes.append_value(const_hex::encode(Sha256::digest(&bytes)));
    }
    Ok(hashes.finish())
}

/// `batch` with its envelope hashes, in a column that is replaced or, where it is absent, added before `source` or last.
///
/// # Errors
/// As [`envelope_hash`].
pub fn seal_envelope(batch: &RecordBatch) -> Result<RecordBatch, EnvelopeError> {
    let hashes: ArrayRef = Arc::new(envelope_hash(batch)?);
    let schema = batch.schema();
    let mut fields = schema.fields().to_vec();
    let mut columns = batch.columns().to_vec();
    if let Ok(index) = schema.index_of(ENVELOPE_HASH) {
        columns[index] = hashes;
    } else if let Some((_, field)) = decisions().fields().find(ENVELOPE_HASH) {
        let place = schema.index_of("source").unwrap_or(fields.len());
        fields.insert(place, Arc::clone(field));
        columns.insert(place, hashes);
    }
    let sealed = Schema::new_with_metadata(fields, schema.metadata().clone());
    RecordBatch::try_new(Arc::new(sealed), columns).map_err(EnvelopeError::Arrow)
}

/// A column of the envelope, in a form whose values can be reached one by one.
enum Part {
    Absent,
    Text(StringArray),
    /// A dictionary whose values are hashed by key, so that its text is not written out.
    Coded {
        keys: Int64Array,
        values: StringArray,
    },
    Time(Int64Array),
    Flags {
        lists: ListArray,
        keys: StringArray,
        variants: StringArray,
    },
}

impl Part {
    /// The envelope of `batch`: columns 1 to 7 and 9 to 31 of the schema.
    fn of(batch: &RecordBatch) -> Result<Vec<Self>, EnvelopeError> {
        let schema = decisions();
        let envelope = schema.fields().iter().take(31).enumerate().filter(|(index, _)| *index != 7);
        envelope
            .map(|(_, field)| match batch.column_by_name(field.name()) {
                None => Ok(Self::Absent),
                Some(column) => Self::new(column, field.data_type(), field.name()),
            })
            .collect()
    }

    fn new(column: &ArrayRef, declared: &DataType, name: &str) -> Result<Self, EnvelopeError> {
        let wrong = |expected| EnvelopeError::WrongType {
            column: name.to_owned(),
            expected,
            found: Box::new(column.data_type().clone()),
        };
        match declared {
            DataType::Timestamp(..) => Self::time(column).ok_or_else(|| wrong("time")),
            DataType::List(_) => Self::flags(column).ok_or_else(|| wrong("a list of flags")),
            _ => Self::text(column).ok_or_else(|| wrong("text")),
        }
    }

    fn text(column: &ArrayRef) -> Option<Self> {
        match column.data_type() {
            DataType::Utf8 => Some(Self::Text(column.as_string().clone())),
            DataType::LargeUtf8 | DataType::Utf8View => Some(Self::Text(plain(column)?)),
            DataType::Null => Some(Self::Absent),
            DataType::Dictionary(_, values) if is_text(values) => {
                let dictionary = column.as_any_dictionary_opt()?;
                let keys = cast(dictionary.keys(), &DataType::Int64).ok()?;
                let keys = keys.as_primitive::<Int64Type>().clone();
                Some(Self::Coded { keys, values: plain(dictionary.values())? })
            }
            _ => None,
        }
    }

    fn time(column: &ArrayRef) -> Option<Self> {
        match column.data_type() {
            DataType::Timestamp(..) => {}
            DataType::Null => return Some(Self::Absent),
            _ => return None,
        }
        let micros = cast(column, &instant()).ok()?;
        let micros = cast(&micros, &DataType::Int64).ok()?;
        Some(Self::Time(micros.as_primitive::<Int64Type>().clone()))
    }

    fn flags(column: &ArrayRef) -> Option<Self> {
        if column.data_type() == &DataType::Null {
            return Some(Self::Absent);
        }
        let lists = column.as_list_opt::<i32>()?.clone();
        let items: &StructArray = lists.values().as_struct_opt()?;
        let keys = plain(items.column_by_name("key")?)?;
        let variants = plain(items.column_by_name("variant")?)?;
        Some(Self::Flags { lists, keys, variants })
    }

    fn write(&self, bytes: &mut Vec<u8>, row: usize) {
        match self {
            Self::Absent => bytes.push(0),
            Self::Text(texts) => write_text(bytes, texts, row),
            Self::Coded { keys, values } if keys.is_valid(row) => {
                // A key of a valid row lies within the values; that is what Arrow checks when it builds a dictionary.
                write_text(bytes, values, usize::try_from(keys.value(row)).unwrap_or(usize::MAX));
            }
            Self::Time(micros) if micros.is_valid(row) => {
                bytes.push(2);
                bytes.extend(micros.value(row).to_le_bytes());
            }
            Self::Flags { lists, keys, variants } if lists.is_valid(row) => {
                let offsets = lists.value_offsets();
                let (start, end) = (index(offsets[row]), index(offsets[row + 1]));
                bytes.push(3);
                bytes.extend(((end - start) as u64).to_le_bytes());
                for item in start..end {
                    write_text(bytes, keys, item);
                    write_text(bytes, variants, item);
                }
            }
            Self::Coded { .. } | Self::Time(_) | Self::Flags { .. } => bytes.push(0),
        }
    }
}

/// The value of `texts` at `index`, or a null.
fn write_text(bytes: &mut Vec<u8>, texts: &StringArray, index: usize) {
    if index >= texts.len() || texts.is_null(index) {
        return bytes.push(0);
    }
    let text = texts.value(index);
    bytes.push(1);
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// An offset of Arrow, which is never negative.
fn index(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or_default()
}

fn plain(column: &ArrayRef) -> Option<StringArray> {
    is_text(column.data_type()).then(|| cast(column, &DataType::Utf8).ok())?.map(|text| text.as_string().clone())
}

#[cfg(test)]
mod tests {
    use arrow::array::{TimestampMicrosecondArray, TimestampMillisecondArray, new_null_array};
    use arrow::datatypes::Field;
    use proptest::prelude::*;

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }

    fn text(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn hashes(columns: Vec<(&str, ArrayRef)>) -> Vec<String> {
        envelope_hash(&batch(columns)).unwrap().iter().flatten().map(str::to_owned).collect()
    }

    #[test]
    fn null_differs_from_empty_and_absent_is_null() {
        let of_region = hashes(vec![("region", text(&[None, Some(""), Some("eu")]))]);
        assert_ne!(of_region[0], of_region[1]);
        assert_ne!(of_region[1], of_region[2]);
        let absent = hashes(vec![("latency_us", Arc::new(Int64Array::from(vec![1])))]);
        assert_eq!(absent[0], of_region[0]);
    }

    #[test]
    fn a_value_counts_in_its_column_only() {
        let role = hashes(vec![("user_role", text(&[Some("x")]))]);
        let region = hashes(vec![("region", text(&[Some("x")]))]);
        assert_ne!(role, region);
    }

    #[test]
    fn what_came_of_it_and_when_it_was_ingested_are_not_in_it() {
        let names = [("region", "eu"), ("outcome", "edited"), ("ingested_at", "now")];
        let all = names.iter().map(|(name, value)| (*name, text(&[Some(value)]))).collect();
        assert_eq!(hashes(all), hashes(vec![("region", text(&[Some("eu")]))]));
    }

    #[test]
    fn the_unit_of_a_time_does_not_matter() {
        let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![5_000]).with_timezone("UTC"));
        let millis: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![5]).with_timezone("UTC"));
        assert_eq!(hashes(vec![("event_time", micros)]), hashes(vec![("event_time", millis)]));
    }

    #[test]
    fn the_documented_bytes_are_hashed() {
        let mut bytes = vec![0; 30];
        bytes.splice(1..2, [1, 2, 0, 0, 0, 0, 0, 0, 0, b'd', b'1']);
        assert_eq!(hashes(vec![("decision_id", text(&[Some("d1")]))]), [const_hex::encode(Sha256::digest(bytes))]);
    }

    #[test]
    fn a_column_of_another_type_is_named() {
        let wrong = batch(vec![("region", Arc::new(Int64Array::from(vec![1])))]);
        let message = envelope_hash(&wrong).unwrap_err().to_string();
        assert!(message.contains("`region`") && message.contains("Int64"), "{message}");
    }

    #[test]
    fn sealing_adds_the_column_once_at_its_place() {
        let schema = decisions();
        let without: Vec<_> = schema.fields().iter().filter(|field| field.name() != ENVELOPE_HASH).collect();
        let columns = without.iter().map(|field| (field.name().as_str(), new_null_array(field.data_type(), 2)));
        let sealed = seal_envelope(&batch(columns.collect())).unwrap();
        let names: Vec<_> = sealed.schema_ref().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>());
        assert_eq!(seal_envelope(&sealed).unwrap(), sealed);
    }

    proptest! {
        /// Plain, large, view and dictionary text, sliced or not, hash alike.
        #[test]
        fn every_encoding_of_text_gives_the_same_hash(
            values in proptest::collection::vec(proptest::option::of("[a-c]{0,2}"), 1..20),
            skipped in 0_usize..3,
        ) {
            let plain: ArrayRef = Arc::new(StringArray::from(values));
            let skipped = skipped.min(plain.len());
            let expected = hashes(vec![("region", plain.slice(skipped, plain.len() - skipped))]);
            let coded = |key: DataType, value: DataType| DataType::Dictionary(Box::new(key), Box::new(value));
            let encodings = [
                DataType::LargeUtf8,
                DataType::Utf8View,
                coded(DataType::Int32, DataType::Utf8),
                coded(DataType::UInt8, DataType::LargeUtf8),
            ];
            for encoding in encodings {
                let other = cast(&plain, &encoding).unwrap();
                let other = other.slice(skipped, other.len() - skipped);
                prop_assert_eq!(&hashes(vec![("region", other)]), &expected, "{}", encoding);
            }
        }

        /// Rows that differ in the envelope differ in the hash.
        #[test]
        fn different_envelopes_differ(left in any::<[Option<u8>; 4]>(), right in any::<[Option<u8>; 4]>()) {
            let columns = |row: [Option<u8>; 4]| {
                let texts = row.map(|value| value.map(|value| "x".repeat(usize::from(value % 3))));
                let names = ["user_token", "user_role", "region", "environment"];
                names.into_iter().zip(texts).map(|(n, t)| (n, Arc::new(StringArray::from(vec![t])) as ArrayRef)).collect()
            };
            let same = left.map(|v| v.map(|v| v % 3)) == right.map(|v| v.map(|v| v % 3));
            prop_assert_eq!(hashes(columns(left)) == hashes(columns(right)), same);
        }
    }

    #[test]
    fn flags_count_with_their_variants() {
        use arrow::array::{ListBuilder, StructBuilder};
        let schema = decisions();
        let field = schema.field_with_name("feature_flags").unwrap();
        let DataType::List(item) = field.data_type() else { panic!("a list") };
        let DataType::Struct(members) = item.data_type() else { panic!("of structs") };
        let of =
            |variant: Option<&str>| {
                let mut lists = ListBuilder::new(StructBuilder::from_fields(members.clone(), 1))
                    .with_field(Field::new("item", item.data_type().clone(), true));
                lists.values().field_builder::<StringBuilder>(0).unwrap().append_value("new_router");
                lists.values().field_builder::<StringBuilder>(1).unwrap().append_option(variant);
                lists.values().append(true);
                lists.append(true);
                hashes(vec![("feature_flags", Arc::new(lists.finish()))])
            };
        assert_ne!(of(None), of(Some("")));
        assert_ne!(of(Some("on")), of(Some("off")));
    }
}
