//! How is a state written to bytes and read back?
//!
//! ```text
//! Arrow IPC stream │ first 16 bytes of the stream's SHA-256
//! ```
//!
//! The stream's schema metadata carries the format version and the fingerprint; its columns are named
//! by position (`key0`, `agg0_0`), never by SQL text. Reading checks the digest first, because Arrow has
//! none: a flipped bit would be another number, or a length that no memory holds. Should the decoder
//! panic all the same, the panic is caught: the answer is an error, never a crash.

use std::collections::HashMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::{Fingerprint, PartialState};

/// The version of the state format: column types of every aggregate and this envelope.
pub(crate) const FORMAT: u32 = 1;

const FORMAT_KEY: &str = "tidegate.state_format";
const FINGERPRINT_KEY: &str = "tidegate.fingerprint";

const DIGEST_BYTES: usize = 16;

/// Writes `state`, whose batches have `schema`.
pub(crate) fn encode(state: &PartialState, schema: &SchemaRef) -> Result<Vec<u8>> {
    let metadata = HashMap::from([
        (FORMAT_KEY.to_owned(), FORMAT.to_string()),
        (FINGERPRINT_KEY.to_owned(), state.fingerprint.to_string()),
    ]);
    let schema = Arc::new(Schema::new_with_metadata(schema.fields().clone(), metadata));
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    for batch in &state.batches {
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?)?;
    }
    let mut bytes = writer.into_inner()?;
    let digest = digest(&bytes);
    bytes.extend(digest);
    Ok(bytes)
}

fn digest(stream: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(&Sha256::digest(stream)[..DIGEST_BYTES]);
    digest
}

/// Reads a state of `schema` made by the plan `expected`.
pub(crate) fn decode(bytes: &[u8], schema: &SchemaRef, expected: &Fingerprint) -> Result<PartialState> {
    let stream = match bytes.split_last_chunk() {
        Some((stream, found)) if digest(stream) == *found => stream,
        _ => return Err(Error::CorruptState { what: "checksum" }),
    };
    catch_unwind(AssertUnwindSafe(|| decode_trusting(stream, schema, expected)))
        .unwrap_or(Err(Error::CorruptState { what: "Arrow data" }))
}

fn decode_trusting(stream: &[u8], schema: &SchemaRef, expected: &Fingerprint) -> Result<PartialState> {
    let corrupt = |what| move |_: ArrowError| Error::CorruptState { what };
    let reader = StreamReader::try_new(Cursor::new(stream), None).map_err(corrupt("Arrow stream header"))?;
    let found = reader.schema();
    let format = found.metadata().get(FORMAT_KEY).cloned().unwrap_or_default();
    if format != FORMAT.to_string() {
        return Err(Error::UnknownFormat { expected: FORMAT, found: format });
    }
    let fingerprint = found.metadata().get(FINGERPRINT_KEY).and_then(|text| text.parse::<Fingerprint>().ok());
    let fingerprint = fingerprint.ok_or(Error::CorruptState { what: "fingerprint" })?;
    if fingerprint != *expected {
        return Err(Error::FingerprintMismatch { expected: expected.clone(), found: fingerprint });
    }
    if found.fields() != schema.fields() {
        return Err(Error::CorruptState { what: "state columns" });
    }
    let batches = reader
        .map(|batch| {
            let batch = batch.map_err(corrupt("Arrow batch"))?;
            Ok(RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec())?)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(PartialState { fingerprint, batches })
}
