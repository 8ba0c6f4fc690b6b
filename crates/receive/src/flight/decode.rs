//! How do messages of Arrow IPC become batches, when whoever sends them is not trusted?
//!
//! A message says how large things are before they are read: the rows of a batch, the bytes of a buffer once it is
//! decompressed. Here that is held against the limits first. Then the message is decoded with all of Arrow's checks, and a
//! panic in there, of which there have been some, ends the call and not the process.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use arrow::ipc::{MessageHeader, RecordBatch as BatchHeader, root_as_message};
use arrow::record_batch::RecordBatch;
use arrow_flight::FlightData;
use arrow_flight::decode::{DecodedFlightData, DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use axum::body::Bytes;
use futures::stream::{Stream, StreamExt};
use tonic::Status;

use crate::{Limits, Refused};

/// A batch, and what was said with it.
#[derive(Debug)]
pub struct Decoded {
    /// The rows.
    pub batch: RecordBatch,
    /// The `app_metadata` of its message.
    pub note: Bytes,
}

/// Decodes the messages of one call.
pub struct Decoder(FlightDataDecoder);

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decoder")
    }
}

impl Decoder {
    /// Decodes messages that come one by one, within the limits.
    pub fn new(messages: impl Stream<Item = Result<FlightData, Status>> + Send + 'static, limits: &Limits) -> Self {
        let mut seen = Seen { limits: *limits, schema: false, dictionaries: HashMap::new() };
        let checked = messages.map(move |message| {
            let message = message?;
            seen.check(&message).map_err(Status::from)?;
            Ok(message)
        });
        Self(FlightDataDecoder::new(checked))
    }

    /// The next batch; nothing at the end. After an error nothing more can be read.
    pub async fn next(&mut self) -> Option<Result<Decoded, Status>> {
        loop {
            match self.message().await? {
                Ok(DecodedFlightData { inner, payload: DecodedPayload::RecordBatch(batch) }) => {
                    return Some(Ok(Decoded { batch, note: inner.app_metadata }));
                }
                Ok(_) => {}
                Err(status) => return Some(Err(status)),
            }
        }
    }

    async fn message(&mut self) -> Option<Result<DecodedFlightData, Status>> {
        let decoded = std::future::poll_fn(|context| {
            catch_unwind(AssertUnwindSafe(|| self.0.poll_next_unpin(context)))
                .unwrap_or_else(|_| Poll::Ready(Some(Err(FlightError::DecodeError(String::new())))))
        });
        let decoded = decoded.await?;
        Some(decoded.map_err(|error| match error {
            FlightError::Tonic(status) => *status,
            // What the decoder says might quote what it read.
            _ => unreadable().into(),
        }))
    }
}

fn unreadable() -> Refused {
    Refused::Invalid("TG775: the message is not what Arrow IPC writes: send what an Arrow library encodes".to_owned())
}

/// What the messages so far amount to.
struct Seen {
    limits: Limits,
    schema: bool,
    /// The bytes of each dictionary, all of which are held.
    dictionaries: HashMap<i64, usize>,
}

impl Seen {
    fn check(&mut self, message: &FlightData) -> Result<(), Refused> {
        if message.data_header.is_empty() {
            return Ok(());
        }
        let header = root_as_message(&message.data_header).map_err(|_| unreadable())?;
        match header.header_type() {
            MessageHeader::Schema if self.schema => {
                Err(Refused::Invalid("TG778: the schema changed within a call: start another".to_owned()))
            }
            MessageHeader::Schema => {
                self.schema = true;
                Ok(())
            }
            MessageHeader::RecordBatch => {
                let batch = header.header_as_record_batch().ok_or_else(unreadable)?;
                self.check_batch(&batch, &message.data_body).map(drop)
            }
            MessageHeader::DictionaryBatch => {
                let dictionary = header.header_as_dictionary_batch().ok_or_else(unreadable)?;
                let batch = dictionary.data().ok_or_else(unreadable)?;
                let bytes = self.check_batch(&batch, &message.data_body)?;
                self.dictionaries.insert(dictionary.id(), bytes);
                let all = self.dictionaries.values().fold(0_usize, |all, bytes| all.saturating_add(*bytes));
                if all > self.limits.message_bytes { Err(self.too_large("the dictionaries of a call")) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// How many bytes a batch has once it is decompressed.
    fn check_batch(&self, batch: &BatchHeader<'_>, body: &[u8]) -> Result<usize, Refused> {
        let most = self.limits.batch_rows;
        if usize::try_from(batch.length()).map_err(|_| unreadable())? > most {
            return Err(Refused::TooLarge(format!("TG776: a batch has at most {most} rows: send smaller ones")));
        }
        let bytes = if batch.compression().is_some() { decompressed(batch, body)? } else { body.len() };
        if bytes > self.limits.message_bytes { Err(self.too_large("a batch")) } else { Ok(bytes) }
    }

    fn too_large(&self, what: &str) -> Refused {
        let most = self.limits.message_bytes;
        Refused::TooLarge(format!("TG776: {what} may have {most} bytes, decompressed: send smaller batches"))
    }
}

/// What the buffers of a compressed body say they come to. Each begins with its length; -1 stands for "not compressed".
fn decompressed(batch: &BatchHeader<'_>, body: &[u8]) -> Result<usize, Refused> {
    let mut all = 0_usize;
    for buffer in batch.buffers().into_iter().flatten() {
        let start = usize::try_from(buffer.offset()).map_err(|_| unreadable())?;
        let length = usize::try_from(buffer.length()).map_err(|_| unreadable())?;
        let end = start.checked_add(length).ok_or_else(unreadable)?;
        let bytes = body.get(start..end).ok_or_else(unreadable)?;
        let says = bytes.first_chunk::<8>().map(|length| i64::from_le_bytes(*length));
        let says = says.and_then(|length| usize::try_from(length).ok()).unwrap_or(length);
        all = all.saturating_add(says);
    }
    Ok(all)
}
