//! How does one `DoPut` call go?
//!
//! ```text
//! sender                                       server
//!   descriptor [stream], schema        -->
//!   batch, {"sequence": 8}             -->     taken in
//!   batch                              -->     taken in as 9
//!                                      <--     {"sequence": 9, "landed": true}      8 and 9 are landed
//!   end                                -->
//!                                      <--     end
//! ```
//!
//! Batches are taken in while others wait to be landed. So many of them share a file, and one acknowledgement: it speaks
//! of all numbers up to its own.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow_flight::{FlightData, FlightDescriptor, PutResult};
use futures::FutureExt;
use futures::stream::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tidegate_land::Producer;
use tokio::sync::watch;
use tonic::metadata::MetadataMap;
use tonic::{Status, Streaming};

use super::decode::{Decoded, Decoder};
use crate::gate::Place;
use crate::{Intake, Landed, Limits, Origin, Refused, Rows, Taken};

/// Who sends.
const PRODUCER: &str = "x-tidegate-producer";

/// The number of the first batch.
const SEQUENCE: &str = "x-tidegate-sequence";

/// What may be said with a message.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    producer: Option<String>,
    sequence: Option<u64>,
}

/// What is said when batches are landed.
#[derive(Debug, Serialize)]
struct Acknowledgement {
    sequence: u64,
    landed: bool,
}

/// What a call has of the server.
pub(crate) struct Call<I> {
    pub(crate) intake: Arc<I>,
    pub(crate) limits: Limits,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) origin: Origin,
    pub(crate) headers: MetadataMap,
    /// Held until the call ends.
    pub(crate) _place: Option<Place>,
}

/// The answers to one call.
pub(crate) fn answers<I: Intake>(
    call: Call<I>,
    messages: Streaming<FlightData>,
) -> impl Stream<Item = Result<PutResult, Status>> + Send {
    let opened = async move {
        match Put::open(call, messages).await {
            Ok(put) => futures::stream::unfold(put, |mut put| async move { Some((put.next().await?, put)) }).boxed(),
            Err(status) => futures::stream::once(async { Err(status) }).boxed(),
        }
    };
    opened.flatten_stream()
}

/// A call that is under way.
struct Put<I> {
    call: Call<I>,
    decoder: Decoder,
    stream: String,
    producer: Producer,
    next: u64,
    /// Batches that wait to be landed, in their order.
    in_flight: VecDeque<(u64, Landed)>,
    /// Whether more may be read, and what is said at the end when that failed.
    reading: bool,
    failure: Option<Status>,
}

impl<I: Intake> Put<I> {
    async fn open(call: Call<I>, mut messages: Streaming<FlightData>) -> Result<Self, Status> {
        let mut stopping = call.stopping.clone();
        let first = tokio::select! {
            first = messages.message() => first?,
            () = stopped(&mut stopping) => return Err(ending()),
        };
        let first = first.ok_or_else(|| misspoken("the call has no message: begin with a descriptor"))?;
        let stream = stream_of(first.flight_descriptor.as_ref())?;
        if call.intake.stream(&stream).is_none() {
            return Err(Refused::UnknownStream.into());
        }
        let note = if is_batch(&first) { Note::default() } else { note(&first.app_metadata)? };
        let producer = producer_of(&call.headers, note.producer)?;
        let next = header(&call.headers, SEQUENCE)?.map(|text| text.parse()).transpose();
        let next = next.map_err(|_| misspoken("x-tidegate-sequence is not a number"))?;
        let next = next.or(note.sequence).unwrap_or(1);
        let messages = futures::stream::once(async { Ok(first) }).chain(messages);
        let decoder = Decoder::new(messages, &call.limits);
        Ok(Self { call, decoder, stream, producer, next, in_flight: VecDeque::new(), reading: true, failure: None })
    }

    /// The next answer; nothing at the end.
    async fn next(&mut self) -> Option<Result<PutResult, Status>> {
        loop {
            if !self.reading && self.in_flight.is_empty() {
                return self.failure.take().map(Err);
            }
            let may_read = self.reading && self.in_flight.len() < self.call.limits.batches_in_flight;
            let mut stopping = self.call.stopping.clone();
            tokio::select! {
                biased;
                landed = front(&mut self.in_flight) => {
                    if let Some(answer) = self.acknowledge(landed) {
                        return Some(answer);
                    }
                }
                () = stopped(&mut stopping), if self.reading => self.end(Some(ending())),
                decoded = self.decoder.next(), if may_read => self.read(decoded).await,
            }
        }
    }

    /// Reads no more. What was taken in is answered first.
    fn end(&mut self, failure: Option<Status>) {
        self.reading = false;
        self.failure = failure;
    }

    async fn read(&mut self, decoded: Option<Result<Decoded, Status>>) {
        match decoded {
            None => self.end(None),
            Some(Err(status)) => self.end(Some(status)),
            Some(Ok(decoded)) => {
                if let Err(status) = self.take_in(decoded).await {
                    self.end(Some(status));
                }
            }
        }
    }

    async fn take_in(&mut self, decoded: Decoded) -> Result<(), Status> {
        let sequence = note(&decoded.note)?.sequence.unwrap_or(self.next);
        let rows = Rows {
            stream: self.stream.clone(),
            producer: self.producer.clone(),
            sequence,
            batch: decoded.batch,
            origin: self.call.origin,
        };
        let landed = self.call.intake.rows(rows).await?;
        self.in_flight.push_back((sequence, landed));
        self.next = sequence.checked_add(1).ok_or_else(|| misspoken("the number is too large"))?;
        Ok(())
    }

    /// Acknowledges the batch at the front, and with it all behind it that are landed too.
    fn acknowledge(&mut self, landed: Result<Taken, Refused>) -> Option<Result<PutResult, Status>> {
        let mut landed = Some(landed);
        let mut last = None;
        while let Some(answer) = landed {
            let (sequence, _) = self.in_flight.pop_front()?;
            match answer {
                Ok(_) => last = Some(sequence),
                Err(refused) => {
                    // What came after it fails as well.
                    self.in_flight.clear();
                    self.end(Some(refused.into()));
                    break;
                }
            }
            landed = self.in_flight.front_mut().and_then(|(_, landed)| landed.now_or_never());
        }
        let acknowledgement = Acknowledgement { sequence: last?, landed: true };
        let bytes = serde_json::to_vec(&acknowledgement).unwrap_or_default();
        Some(Ok(PutResult { app_metadata: bytes.into() }))
    }
}

/// What became of the batch at the front; waits for ever when there is none.
async fn front(in_flight: &mut VecDeque<(u64, Landed)>) -> Result<Taken, Refused> {
    match in_flight.front_mut() {
        Some((_, landed)) => landed.await,
        None => std::future::pending().await,
    }
}

/// Waits until the server stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A server that is gone has stopped.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// The stream that a descriptor names.
pub(crate) fn stream_of(descriptor: Option<&FlightDescriptor>) -> Result<String, Status> {
    const WHAT: &str = "the descriptor must name one stream, as its path or command";
    let descriptor = descriptor.ok_or_else(|| misspoken(WHAT))?;
    match (descriptor.path.as_slice(), descriptor.cmd.as_ref()) {
        ([name], []) => Ok(name.clone()),
        ([], command) if !command.is_empty() => String::from_utf8(command.to_vec()).map_err(|_| misspoken(WHAT)),
        _ => Err(misspoken(WHAT)),
    }
}

fn is_batch(message: &FlightData) -> bool {
    use arrow::ipc::{MessageHeader, root_as_message};
    let header = root_as_message(&message.data_header);
    header.is_ok_and(|header| header.header_type() == MessageHeader::RecordBatch)
}

fn note(app_metadata: &[u8]) -> Result<Note, Status> {
    if app_metadata.is_empty() {
        return Ok(Note::default());
    }
    let problem = "app_metadata must be JSON such as {\"sequence\": 7}";
    serde_json::from_slice(app_metadata).map_err(|_| misspoken(problem))
}

fn header<'a>(headers: &'a MetadataMap, name: &str) -> Result<Option<&'a str>, Status> {
    let value = headers.get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| misspoken("a header is not plain text"))
}

/// Who sends. A sender without a name gets one for this call: what it sends again is then landed again.
fn producer_of(headers: &MetadataMap, noted: Option<String>) -> Result<Producer, Status> {
    let name = header(headers, PRODUCER)?.map(str::to_owned).or(noted).unwrap_or_else(|| {
        let chance = RandomState::new();
        format!("anonymous-{:016x}{:016x}", chance.hash_one(0), chance.hash_one(1))
    });
    Producer::new(&name).map_err(|invalid| misspoken(&invalid.to_string()))
}

pub(crate) fn misspoken(problem: &str) -> Status {
    Status::invalid_argument(format!("TG778: {problem}"))
}

pub(crate) fn ending() -> Status {
    Refused::Down("TG779: the server stops: send what was not acknowledged to the next one".to_owned()).into()
}
