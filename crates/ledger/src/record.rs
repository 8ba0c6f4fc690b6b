//! What are the bytes of a record, and do the records of a log still say what was written?
//!
//! Nothing here does I/O. A record is one line of JSON without spaces:
//!
//! ```text
//! {"seq":1,"prev":"<64 hex digits>","body":<JSON>,"sha256":"<64 hex digits>"}
//! ```
//!
//! `prev` is the SHA-256 of the whole file before, and 64 zeros in record 0. `sha256` is that of the bytes up to the
//! comma before it: without it, nothing would notice a change in the last record.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::{Error, Fault, Result};

/// A SHA-256, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What the first record follows.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<B> {
    /// Its number; the first is 0.
    pub seq: u64,
    /// The digest of the record before.
    pub prev: Digest,
    /// The digest of this record's bytes, which the next one repeats.
    pub digest: Digest,
    /// What it says.
    pub body: B,
}

/// The name of a record's file: twenty digits, so that the order of names is the order of records.
///
/// ```
/// assert_eq!(tidegate_ledger::file_name(42), "00000000000000000042.json");
/// ```
pub fn file_name(seq: u64) -> String {
    format!("{seq:020}.json")
}

/// The number that a file name gives, if it is one of a record.
pub(crate) fn parse_file_name(name: &str) -> Option<u64> {
    let seq = name.strip_suffix(".json")?.parse().ok()?;
    (file_name(seq) == name).then_some(seq)
}

/// The bytes of a record. The same body gives the same bytes, provided that its maps are ordered.
///
/// # Errors
/// When the body cannot be written, or cannot be read back: a log must never hold what nobody can open.
pub fn encode<B: Serialize + DeserializeOwned>(seq: u64, prev: Digest, body: &B) -> Result<Vec<u8>, serde_json::Error> {
    let body = serde_json::to_string(body)?;
    serde_json::from_str::<B>(&body)?;
    Ok(frame(seq, &prev.to_string(), &body))
}

/// Checks every record of a log and reads them. `files` gives the bytes of record 0, 1, 2 and so on.
///
/// # Guarantee
/// Succeeds only on bytes that [`encode`] made, in their order, none left out but at the end. Held by `tests`.
///
/// # Errors
/// [`Error::Damaged`] for the first file that is wrong; `log` is the folder that it names.
pub fn verify<B: DeserializeOwned>(log: &str, files: &[impl AsRef<[u8]>]) -> Result<Vec<Record<B>>> {
    let mut records = Vec::with_capacity(files.len());
    let mut prev = Digest::ZERO;
    for (seq, bytes) in (0..).zip(files) {
        let record = decode(seq, prev, bytes.as_ref())
            .map_err(|fault| Error::Damaged { file: format!("{log}/{}", file_name(seq)), fault })?;
        prev = record.digest;
        records.push(record);
    }
    Ok(records)
}

/// A record as it is parsed, before anything in it is believed.
#[derive(Deserialize)]
struct Envelope<'a> {
    seq: u64,
    prev: &'a str,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Checks one record and reads it.
pub(crate) fn decode<B: DeserializeOwned>(seq: u64, prev: Digest, bytes: &[u8]) -> Result<Record<B>, Fault> {
    let envelope: Envelope<'_> =
        serde_json::from_slice(bytes).map_err(|e| Fault::Unparsable { problem: e.to_string() })?;
    // Writing it again and comparing leaves no byte unchecked, not even one that a parser would pass over.
    if frame(envelope.seq, envelope.prev, envelope.body.get()) != bytes {
        return Err(Fault::Changed);
    }
    if envelope.seq != seq {
        return Err(Fault::WrongSeq { expected: seq, found: envelope.seq });
    }
    if envelope.prev != prev.to_string() {
        return Err(Fault::WrongPrev { expected: prev, found: envelope.prev.to_string() });
    }
    let body = serde_json::from_str(envelope.body.get()).map_err(|e| Fault::UnknownBody { problem: e.to_string() })?;
    Ok(Record { seq, prev, digest: Digest::of(bytes), body })
}

fn frame(seq: u64, prev: &str, body: &str) -> Vec<u8> {
    let mut record = format!(r#"{{"seq":{seq},"prev":"{prev}","body":{body}"#);
    let digest = Digest::of(record.as_bytes());
    record.push_str(&format!(r#","sha256":"{digest}"}}"#));
    record.into_bytes()
}

#[cfg(test)]
mod tests;
