//! What are the rows of a file with one JSON object per line?
//!
//! Lines are decoded a batch at a time. When a batch fails, the lines that are no JSON objects are set aside; when it
//! still fails it is cut into pieces and each is tried again, down to the single lines at fault. The rest is decoded.
//!
//! Numbers and times are first read as text and parsed when the batch is shaped: Arrow's decoder would turn 1.5 into 1
//! for a column of whole numbers, and take a bare number for a time in an unknown unit.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::reader::{Decoder, ReaderBuilder};
use serde::de::IgnoredAny;

use super::{BATCH_BYTES, Job, Stop};
use crate::Reason;
use crate::convert::is_parsable;
use crate::shape::{Misfit, Shape};

mod infer;

pub(super) use infer::columns;
pub(crate) use infer::kinds;

/// A line longer than this is set aside unread, as one that is no valid JSON.
const LINE_BYTES: usize = 64 << 20;

/// Into how many pieces a failing batch is cut.
const PIECES: usize = 16;

pub(super) fn read(job: &mut Job) -> Result<(), Stop> {
    let mut wanted: Vec<FieldRef> = Vec::new();
    for field in job.request.fields() {
        let given_by_folder = job.file.partitions.contains_key(field.name());
        if !given_by_folder && !wanted.contains(field) {
            wanted.push(Arc::clone(field));
        }
    }
    let available: Fields = wanted.iter().map(raw_field).collect();
    let shape = job.bind(&available)?;
    let mut decoder =
        Lines { schema: Arc::new(Schema::new(available)), wanted, batch_rows: job.batch_rows, decoder: None };
    let mut input = BufReader::with_capacity(256 << 10, job.open()?);
    let mut line = Vec::new();
    for _ in 0..job.from_row {
        line.clear();
        if !next_line(&mut input, &mut line, LINE_BYTES).map_err(|e| job.unreadable(&e))? {
            return Ok(());
        }
    }
    let (mut text, mut lines) = (Vec::new(), Vec::new());
    loop {
        text.clear();
        lines.clear();
        while lines.len() < job.next_batch_rows() && text.len() < BATCH_BYTES {
            let start = text.len();
            if !next_line(&mut input, &mut text, LINE_BYTES).map_err(|e| job.unreadable(&e))? {
                break;
            }
            lines.push(start..text.len());
        }
        if lines.is_empty() {
            return Ok(());
        }
        deliver(job, &shape, &mut decoder, &text, &lines)?;
    }
}

fn deliver(job: &mut Job, shape: &Shape, decoder: &mut Lines, text: &[u8], lines: &[Range<usize>]) -> Result<(), Stop> {
    let first = job.from_row + job.rows_read;
    let lines: Vec<&[u8]> = lines.iter().map(|line| &text[line.clone()]).collect();
    let (raw, bad) = decoder.decode(&lines).map_err(|_| job.unfit())?;
    let rows = (0..lines.len()).filter(|at| !bad.contains_key(at)).map(|at| first + at as u64).collect::<Vec<_>>();
    let bad = bad.into_iter().map(|(at, misfit)| (first + at as u64, misfit)).collect();
    job.deliver_rows(shape, &raw, rows.into_iter(), bad)
}

/// How a column is decoded before it is parsed.
fn raw_field(wanted: &FieldRef) -> FieldRef {
    match wanted.data_type() {
        DataType::Boolean | DataType::Float16 | DataType::Float32 | DataType::Float64 => Arc::clone(wanted),
        parsed if is_parsable(parsed) => Arc::new(Field::new(wanted.name(), DataType::Utf8View, true)),
        _ => Arc::clone(wanted),
    }
}

/// Appends the next line that is not blank, without the blanks at its end; `false` at the end of the file. In place of
/// a line of more than `limit` bytes it appends something that is no JSON.
fn next_line(input: &mut impl BufRead, text: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
    let start = text.len();
    loop {
        let read = input.by_ref().take(limit as u64 + 1).read_until(b'\n', text)?;
        if read == 0 {
            return Ok(false);
        }
        if read > limit && !text.ends_with(b"\n") {
            text.truncate(start);
            text.push(b'!');
            input.skip_until(b'\n')?;
            return Ok(true);
        }
        if text[start..].starts_with(b"\xEF\xBB\xBF") {
            text.drain(start..start + 3);
        }
        text.truncate(start + text[start..].trim_ascii_end().len());
        if text.len() > start {
            return Ok(true);
        }
    }
}

/// Decodes lines.
struct Lines {
    /// The columns as they are decoded.
    schema: SchemaRef,
    /// The same columns as they will be delivered.
    wanted: Vec<FieldRef>,
    batch_rows: usize,
    /// A decoder for whole batches that has nothing buffered; after a failure a new one is made.
    decoder: Option<Decoder>,
}

impl Lines {
    /// Decodes the lines of a batch, and says what is wrong with those that cannot be, by their place in the batch.
    ///
    /// # Errors
    /// Only when a column has a type that JSON cannot give.
    fn decode(&mut self, lines: &[&[u8]]) -> Result<(RecordBatch, BTreeMap<usize, Misfit>), ArrowError> {
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => self.new_decoder(self.batch_rows)?,
        };
        let mut bad = BTreeMap::new();
        if let Ok(batch) = decode(&mut decoder, lines.iter().copied()) {
            self.decoder = Some(decoder);
            return Ok((batch.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&self.schema))), bad));
        }
        bad.extend(lines.iter().enumerate().filter_map(|(at, line)| Some((at, malformed(line)?))));
        let mut good: Vec<usize> = (0..lines.len()).filter(|at| !bad.contains_key(at)).collect();
        self.blame(lines, &good, &mut bad)?;
        good.retain(|at| !bad.contains_key(at));
        let batch = match decode(&mut self.new_decoder(good.len())?, good.iter().map(|at| lines[*at])) {
            Ok(batch) => batch,
            Err(failure) => return Err(failure.0.unwrap_or_else(|| ArrowError::JsonError(String::new()))),
        };
        Ok((batch.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&self.schema))), bad))
    }

    /// Finds the lines among `places` that cannot be decoded.
    fn blame(&self, lines: &[&[u8]], places: &[usize], bad: &mut BTreeMap<usize, Misfit>) -> Result<(), ArrowError> {
        let Err(failure) = decode(&mut self.new_decoder(places.len())?, places.iter().map(|at| lines[*at])) else {
            return Ok(());
        };
        if let [at] = places {
            bad.insert(*at, self.type_misfit(&failure));
            return Ok(());
        }
        places.chunks(places.len().div_ceil(PIECES)).try_for_each(|piece| self.blame(lines, piece, bad))
    }

    fn new_decoder(&self, rows: usize) -> Result<Decoder, ArrowError> {
        ReaderBuilder::new(Arc::clone(&self.schema)).with_batch_size(rows).with_coerce_primitive(true).build_decoder()
    }

    /// Finds the column in the decoder's message. Only a name of the schema is taken over, since the rest of the
    /// message quotes the value.
    fn type_misfit(&self, failure: &Failure) -> Misfit {
        let message = match &failure.0 {
            Some(ArrowError::JsonError(message)) => message.as_str(),
            _ => "",
        };
        let is_named = |field: &&FieldRef| message.starts_with(&format!("whilst decoding field '{}': ", field.name()));
        match self.wanted.iter().find(is_named) {
            Some(field) => Misfit::value(field),
            None => Misfit { reason: Reason::TypeMismatch, detail: "a value does not fit its column".to_string() },
        }
    }
}

/// Why lines could not be decoded; nothing when a line is not exactly one value.
struct Failure(Option<ArrowError>);

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self(Some(error))
    }
}

/// Decodes lines of which each must hold exactly one value, so that the rows of a file do not depend on how it is cut
/// into batches.
fn decode<'a>(decoder: &mut Decoder, lines: impl Iterator<Item = &'a [u8]>) -> Result<Option<RecordBatch>, Failure> {
    for (number, line) in lines.enumerate() {
        let consumed = decoder.decode(line)?;
        if consumed != line.len() || decoder.has_partial_record() || decoder.len() != number + 1 {
            return Err(Failure(None));
        }
    }
    Ok(decoder.flush()?)
}

/// Says why a line is no JSON object, if it is none, without quoting it.
fn malformed(line: &[u8]) -> Option<Misfit> {
    let detail = match serde_json::from_slice::<IgnoredAny>(line) {
        Err(_) => "the line is not valid JSON",
        Ok(_) if std::str::from_utf8(line).is_err() => "the line is not UTF-8",
        Ok(_) if !line.trim_ascii_start().starts_with(b"{") => "the line is not a JSON object",
        Ok(_) => return None,
    };
    Some(Misfit { reason: Reason::RowMalformed, detail: detail.to_string() })
}

#[cfg(test)]
mod tests {
    use super::next_line;

    #[test]
    fn a_line_that_is_too_long_is_no_json_and_the_next_one_is_whole() {
        let mut input = "{\"a\":1}            junk\n\n12345678\n{}  \r\n123456789".as_bytes();
        let mut lines = Vec::new();
        let mut line = Vec::new();
        while next_line(&mut input, &mut line, 8).unwrap() {
            lines.push(String::from_utf8(std::mem::take(&mut line)).unwrap());
        }
        assert_eq!(lines, ["!", "12345678", "{}", "!"]);
    }
}
