//! How do generated facts become Arrow columns fast?
//!
//! Each column grows in buffers of known size: no allocation, formatting or hashing for a row. Coded
//! columns push an index into a list that is made an Arrow dictionary at the end.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, NullBufferBuilder, PrimitiveArray, PrimitiveBuilder, StringArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, TimestampMicrosecondType};

use super::error::Result;

/// The hex digits of every byte.
const HEX: [[u8; 2]; 256] = {
    let digits = *b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Grows a text column.
pub(super) struct Text {
    bytes: Vec<u8>,
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Text {
    /// Room for `rows` of about `width` bytes each.
    pub(super) fn new(rows: usize, width: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self { bytes: Vec::with_capacity(rows * width), ends, nulls: NullBufferBuilder::new(rows) }
    }

    /// Adds `text`.
    pub(super) fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.end(true);
    }

    /// Adds the lower-case hex of `words`, 16 digits each.
    pub(super) fn push_hex<const WORDS: usize>(&mut self, words: [u64; WORDS]) {
        self.bytes.extend_from_slice(words.map(hex).as_flattened());
        self.end(true);
    }

    /// Adds the hex of `words`, or null.
    pub(super) fn push_hex_option<const WORDS: usize>(&mut self, words: Option<[u64; WORDS]>) {
        match words {
            Some(words) => self.push_hex(words),
            None => self.end(false),
        }
    }

    /// Adds `prefix` and the hex of `word`, or null.
    pub(super) fn push_reference(&mut self, prefix: &str, word: Option<u64>) {
        if let Some(word) = word {
            self.bytes.extend_from_slice(prefix.as_bytes());
            self.bytes.extend_from_slice(&hex(word));
        }
        self.end(word.is_some());
    }

    /// Adds `text`, or null.
    pub(super) fn push_option(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.push(text),
            None => self.end(false),
        }
    }

    /// The column.
    pub(super) fn finish(mut self) -> Result<ArrayRef> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        Ok(Arc::new(StringArray::try_new(offsets, self.bytes.into(), self.nulls.finish())?))
    }

    fn end(&mut self, valid: bool) {
        self.ends.push(self.bytes.len() as i32);
        self.nulls.append(valid);
    }
}

/// Grows a coded column: a dictionary over words known beforehand.
pub(super) struct Coded {
    codes: Vec<u8>,
}

impl Coded {
    /// Stands for null; no list of words is as long.
    const NULL: u8 = u8::MAX;

    /// Room for `rows`.
    pub(super) fn new(rows: usize) -> Self {
        Self { codes: Vec::with_capacity(rows) }
    }

    /// Adds the word of index `code`.
    pub(super) fn push(&mut self, code: u8) {
        self.codes.push(code);
    }

    /// Adds the word of index `code`, or null.
    pub(super) fn push_option(&mut self, code: Option<u8>) {
        self.codes.push(code.unwrap_or(Self::NULL));
    }

    /// The codes, to be read over one list of words or several.
    pub(super) fn codes(&self) -> Codes {
        let codes = &self.codes;
        let wide = codes.iter().map(|code| if *code == Self::NULL { 0 } else { i32::from(*code) });
        let valid = BooleanBuffer::collect_bool(codes.len(), |row| codes[row] != Self::NULL);
        let nulls = Some(NullBuffer::new(valid)).filter(|nulls| nulls.null_count() > 0);
        Codes(Int32Array::new(wide.collect(), nulls))
    }
}

/// A finished column of codes.
pub(super) struct Codes(Int32Array);

impl Codes {
    /// The column of the words that the codes stand for; a word that occurs twice becomes one.
    pub(super) fn over<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Result<ArrayRef> {
        let mut distinct: Vec<&str> = Vec::new();
        let mut places = Vec::new();
        for word in words {
            let known = distinct.iter().position(|known| *known == word);
            places.push(known.unwrap_or(distinct.len()) as i32);
            if known.is_none() {
                distinct.push(word);
            }
        }
        let codes = match distinct.len() == places.len() {
            true => self.0.clone(),
            false => self.0.unary(|code| places[code as usize]),
        };
        let words = Arc::new(StringArray::from(distinct));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, words)?))
    }
}

/// A text column that says the same in all `rows`.
pub(super) fn constant(text: &str, rows: usize) -> Result<ArrayRef> {
    let mut column = Text::new(rows, text.len());
    for _ in 0..rows {
        column.push(text);
    }
    column.finish()
}

/// A column of points in time, in microseconds since the epoch.
pub(super) fn instants(times_us: Vec<i64>) -> ArrayRef {
    let times = PrimitiveArray::<TimestampMicrosecondType>::from(times_us);
    Arc::new(times.with_timezone("UTC"))
}

/// A number column that may be null, with room for `rows`.
pub(super) fn numbers<T: ArrowPrimitiveType>(rows: usize) -> PrimitiveBuilder<T> {
    PrimitiveBuilder::with_capacity(rows)
}

fn hex(word: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(word.to_be_bytes()) {
        pair.copy_from_slice(&HEX[usize::from(byte)]);
    }
    digits
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};

    use super::*;

    #[test]
    fn text_is_what_was_pushed() {
        let mut text = Text::new(4, 16);
        text.push("tenant-001");
        text.push_hex([0x0123_4567_89ab_cdef, u64::MAX]);
        text.push_hex_option::<1>(None);
        text.push_reference("ev/", Some(7));
        let column = text.finish().unwrap();
        let column = column.as_string::<i32>();
        assert_eq!(column.value(0), "tenant-001");
        assert_eq!(column.value(1), format!("{:016x}{:016x}", 0x0123_4567_89ab_cdef_u64, u64::MAX));
        assert!(column.is_null(2));
        assert_eq!(column.value(3), "ev/0000000000000007");
    }

    #[test]
    fn codes_become_words() {
        let mut coded = Coded::new(2);
        coded.push(2);
        coded.push_option(None);
        let codes = coded.codes();
        let check = |words: [&str; 3], expected: &str, distinct: usize| {
            let column = codes.over(words).unwrap();
            let column = column.as_dictionary::<Int32Type>();
            assert_eq!(column.values().len(), distinct);
            let column = column.downcast_dict::<StringArray>().unwrap();
            assert_eq!(column.into_iter().collect::<Vec<_>>(), [Some(expected), None]);
        };
        check(["a", "b", "c"], "c", 3);
        check(["a", "a", "c"], "c", 2);
    }
}
