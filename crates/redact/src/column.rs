//! What becomes of the values of one column?
//!
//! Text is text however it lies: as offsets, views or behind a dictionary. Of what is behind a dictionary each distinct
//! value is worked on once.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int32Array, StringArray, StringBuilder, StructArray, make_array,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int32Type};
use arrow::error::ArrowError;
use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};
use tidegate_contract::{IngestPolicy, is_text};
use tidegate_keyring::Tokens;

use crate::{ColumnCounts, Detected, Error, Result, Scrubber};

/// So many clean texts of a column are remembered while a batch is looked at.
const REMEMBERED: usize = 1024;

/// Whose rows are these: for each row the place of its tenant, and what makes the tokens of each tenant.
pub(crate) struct Tenants<'a> {
    pub(crate) of_row: &'a [u32],
    pub(crate) tokens: &'a [Tokens],
}

/// The type that a column has after its policy.
pub(crate) fn written_type(field: &Field, policy: IngestPolicy) -> Result<DataType> {
    let data_type = field.data_type();
    let unfit = |fix| Error::Unfit { column: field.name().clone(), data_type: data_type.clone(), policy, fix };
    match policy {
        IngestPolicy::Keep => Ok(data_type.clone()),
        IngestPolicy::Drop if field.is_nullable() || is_text(data_type) => Ok(data_type.clone()),
        IngestPolicy::Drop => Err(unfit("let it be null, or name a policy that keeps something")),
        IngestPolicy::Pattern if holds_bytes(data_type) => Err(unfit("choose `drop`, `hash` or `tokenize` for bytes")),
        IngestPolicy::Pattern => Ok(data_type.clone()),
        IngestPolicy::Identifier if is_text(data_type) => Ok(data_type.clone()),
        IngestPolicy::Identifier => Err(unfit("choose `keep` for numbers, or `tokenize`")),
        IngestPolicy::Evidence if is_text(data_type) => Ok(plain(data_type)),
        IngestPolicy::Evidence => Err(unfit("only texts are evidence")),
        IngestPolicy::Hash | IngestPolicy::Tokenize if data_type.is_nested() => {
            Err(unfit("choose `drop` or `pattern`"))
        }
        IngestPolicy::Hash | IngestPolicy::Tokenize => Ok(code_type(data_type)),
    }
}

/// The type of hashes and tokens of a column: text, as it was text, behind a dictionary if it was.
fn code_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(plain(values))),
        other => plain(other),
    }
}

/// Text without a dictionary.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::LargeUtf8 | DataType::Utf8View => data_type.clone(),
        DataType::Dictionary(_, values) => plain(values),
        _ => DataType::Utf8,
    }
}

/// Whether a type holds bytes somewhere, which may be text that no detector would see.
fn holds_bytes(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => holds_bytes(values),
        DataType::Struct(fields) => fields.iter().any(|field| holds_bytes(field.data_type())),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => holds_bytes(field.data_type()),
        other => other.is_binary() || (other.is_nested() && !matches!(other, DataType::Struct(_))),
    }
}

/// A column of text, each value by itself.
pub(crate) fn texts(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// A column whose values are left out: null, or the empty text.
pub(crate) fn dropped(array: &ArrayRef, field: &Field, counts: &mut ColumnCounts) -> Result<ArrayRef, ArrowError> {
    counts.dropped += present(array);
    blank(array.len(), field)
}

/// Nulls, or empty texts where null is not allowed.
pub(crate) fn blank(rows: usize, field: &Field) -> Result<ArrayRef, ArrowError> {
    if field.is_nullable() {
        return Ok(new_null_array(field.data_type(), rows));
    }
    let empty: StringArray = std::iter::repeat_n(Some(""), rows).collect();
    cast(&empty, field.data_type())
}

/// How many values are there.
pub(crate) fn present(array: &ArrayRef) -> u64 {
    (array.len() - array.logical_null_count()) as u64
}

/// The SHA-256 of each value, in hex.
pub(crate) fn hashed(array: &ArrayRef, counts: &mut ColumnCounts) -> Result<ArrayRef, ArrowError> {
    counts.hashed += present(array);
    let hash = |values: &ArrayRef| -> Result<ArrayRef, ArrowError> {
        let values = Bytes::of(values)?;
        let hashes: StringArray = (0..values.len()).map(|row| values.get(row).map(hex_of)).collect();
        Ok(Arc::new(hashes))
    };
    let codes = match array.as_any_dictionary_opt() {
        Some(dictionary) => dictionary.with_values(hash(dictionary.values())?),
        None => hash(array)?,
    };
    cast(&codes, &code_type(array.data_type()))
}

/// The SHA-256 of a value.
fn hex_of(value: &[u8]) -> String {
    const_hex::encode(Sha256::digest(value))
}

/// The token of each value under the key of its row's tenant. Each distinct value of a tenant is worked on once.
pub(crate) fn tokenized(
    array: &ArrayRef,
    tenants: &Tenants<'_>,
    counts: &mut ColumnCounts,
) -> Result<ArrayRef, ArrowError> {
    counts.tokenized += present(array);
    let mut tokens = Distinct { tenants, texts: StringBuilder::new(), count: 0 };
    let of_row: Int32Array = match array.as_any_dictionary_opt() {
        Some(dictionary) => {
            let values = Bytes::of(dictionary.values())?;
            let keys = dictionary.normalized_keys();
            let mut seen = HashMap::with_hasher(RandomState::default());
            let row = |row: usize| {
                let value = dictionary.is_valid(row).then(|| values.get(keys[row])).flatten()?;
                let tenant = tenants.of_row[row];
                Some(*seen.entry((tenant, keys[row])).or_insert_with(|| tokens.make(tenant, value)))
            };
            (0..array.len()).map(row).collect()
        }
        None => {
            let values = Bytes::of(array)?;
            let mut seen = HashMap::with_hasher(RandomState::default());
            let row = |row: usize| {
                let (value, tenant) = (values.get(row)?, tenants.of_row[row]);
                Some(*seen.entry((tenant, value)).or_insert_with(|| tokens.make(tenant, value)))
            };
            (0..array.len()).map(row).collect()
        }
    };
    let texts: ArrayRef = Arc::new(tokens.texts.finish());
    let written = code_type(array.data_type());
    match array.data_type() {
        DataType::Dictionary(..) => {
            let codes = arrow::array::DictionaryArray::<Int32Type>::try_new(of_row, texts)?;
            cast(&codes, &written)
        }
        _ => cast(&arrow::compute::take(&texts, &of_row, None)?, &written),
    }
}

/// Tokens as they are made, each with a number.
struct Distinct<'a> {
    tenants: &'a Tenants<'a>,
    texts: StringBuilder,
    count: i32,
}

impl Distinct<'_> {
    fn make(&mut self, tenant: u32, value: &[u8]) -> i32 {
        let digits = self.tenants.tokens[tenant as usize].token(value).digits();
        // Hex digits are text.
        self.texts.append_value(std::str::from_utf8(&digits).unwrap_or_default());
        self.count += 1;
        self.count - 1
    }
}

/// What an identifier is for a hash or a token: the bytes of a text, or of what is written for a number.
enum Bytes {
    Text(StringArray),
    Binary(BinaryArray),
}

impl Bytes {
    fn of(array: &ArrayRef) -> Result<Self, ArrowError> {
        if array.data_type().is_binary() {
            return Ok(Self::Binary(cast(array, &DataType::Binary)?.as_binary::<i32>().clone()));
        }
        Ok(Self::Text(texts(array)?))
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Binary(values) => values.len(),
        }
    }

    fn get(&self, row: usize) -> Option<&[u8]> {
        match self {
            Self::Text(values) => values.is_valid(row).then(|| values.value(row).as_bytes()),
            Self::Binary(values) => values.is_valid(row).then(|| values.value(row)),
        }
    }
}

/// Texts without what the detectors find, however deep they lie. What is no text stays as it is.
pub(crate) fn scrubbed(
    array: &ArrayRef,
    scrubber: Scrubber,
    counts: &mut ColumnCounts,
) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            Ok(dictionary.with_values(scrubbed(dictionary.values(), scrubber, counts)?))
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            let children = columns.columns().iter().map(|child| scrubbed(child, scrubber, counts));
            let children = children.collect::<Result<Vec<_>, _>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), children, columns.nulls().cloned())?))
        }
        other if other.is_nested() => {
            // A list, a map: its one child is scrubbed, the rest of it stays.
            let data = array.to_data();
            let children = data.child_data().iter().map(|child| scrubbed(&make_array(child.clone()), scrubber, counts));
            let children = children.map(|child| child.map(|child| child.to_data()));
            let children = children.collect::<Result<Vec<_>, _>>()?;
            Ok(make_array(data.into_builder().child_data(children).build()?))
        }
        other if other.is_string() => scrubbed_texts(array, scrubber, counts),
        _ => Ok(Arc::clone(array)),
    }
}

fn scrubbed_texts(array: &ArrayRef, scrubber: Scrubber, counts: &mut ColumnCounts) -> Result<ArrayRef, ArrowError> {
    let values = texts(array)?;
    let before = counts.detected.total();
    // Codes and names are few: those that are clean are looked at once.
    let mut clean: HashSet<&str, RandomState> = HashSet::default();
    let mut found: Vec<(usize, String)> = Vec::new();
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        if scrubber.is_harmless(value) || clean.contains(value) {
            continue;
        }
        match scrubber.scrub_counted(value, &mut counts.detected) {
            Cow::Owned(scrubbed) => found.push((row, scrubbed)),
            Cow::Borrowed(_) if clean.len() < REMEMBERED => drop(clean.insert(value)),
            Cow::Borrowed(_) => {}
        }
    }
    if counts.detected.total() == before {
        return Ok(Arc::clone(array));
    }
    let mut found = found.into_iter().peekable();
    let written = values.iter().enumerate().map(|(row, value)| match found.next_if(|(of, _)| *of == row) {
        Some((_, scrubbed)) => Some(Cow::Owned(scrubbed)),
        None => value.map(Cow::Borrowed),
    });
    cast(&written.collect::<StringArray>(), array.data_type())
}

/// What stands for an identifier in which something personal is found.
pub(crate) enum Stead<'a> {
    /// A token under the key of its row's tenant.
    Token(&'a Tenants<'a>),
    /// A hash: rows of no tenant have no key, and must be told apart.
    Hash,
    /// What is left of it: such rows are set aside.
    Scrubbed,
}

/// Identifiers as they are, but for those in which something is found.
pub(crate) fn identifiers(
    array: &ArrayRef,
    scrubber: Scrubber,
    stead: &Stead<'_>,
    counts: &mut ColumnCounts,
) -> Result<ArrayRef, ArrowError> {
    let before = counts.detected.total();
    let looked_at = match array.as_any_dictionary_opt() {
        Some(dictionary) => texts(dictionary.values())?,
        None => texts(array)?,
    };
    let mut look = |value: &str| {
        if !is_plain_code(value) {
            scrubber.scrub_counted(value, &mut counts.detected);
        }
    };
    looked_at.iter().flatten().for_each(&mut look);
    if counts.detected.total() == before {
        return Ok(Arc::clone(array));
    }
    let values = texts(array)?;
    let mut written = StringBuilder::with_capacity(values.len(), values.value_data().len());
    let mut found = Detected::default();
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else {
            written.append_null();
            continue;
        };
        match scrubber.scrub_counted(value, &mut found) {
            Cow::Owned(scrubbed) if !is_plain_code(value) => match stead {
                Stead::Token(tenants) => {
                    let token = tenants.tokens[tenants.of_row[row] as usize].token(value.as_bytes());
                    counts.tokenized += 1;
                    written.append_value(std::str::from_utf8(&token.digits()).unwrap_or_default());
                }
                Stead::Hash => {
                    counts.hashed += 1;
                    written.append_value(hex_of(value.as_bytes()));
                }
                Stead::Scrubbed => written.append_value(scrubbed),
            },
            _ => written.append_value(value),
        }
    }
    cast(&written.finish(), array.data_type())
}

/// Whether a text is small hex digits, as ids of traces are, and no number: a letter stands after the two that a bank account's
/// number begins with. Some of the digits within may look like a card's, and are none.
fn is_plain_code(text: &str) -> bool {
    const DIGIT: u8 = 1;
    const LETTER: u8 = 2;
    const CODE: [u8; 256] = {
        let mut code = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            code[byte] = match byte as u8 {
                b'0'..=b'9' | b'-' => DIGIT,
                b'a'..=b'f' => LETTER,
                _ => 0,
            };
            byte += 1;
        }
        code
    };
    // Without a branch for each byte: ids are told in every row.
    let (mut least, mut seen) = (DIGIT, 0);
    for (at, byte) in text.bytes().enumerate() {
        let code = CODE[usize::from(byte)];
        least = least.min(code);
        seen |= if at < 2 { 0 } else { code };
    }
    least > 0 && seen & LETTER != 0
}
