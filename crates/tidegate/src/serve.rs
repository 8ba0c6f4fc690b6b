//! How do rows that arrive over a network reach the landing of their stream?
//!
//! ```text
//! Flight rows ---------------------> conform --> door (redaction) --> landing
//! OTLP spans, logs --> mapping --> decisions, decision_steps, labels --^
//!                          `-----> what was said, if it is to be kept: evidence
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::FutureExt;
use serde_json::{Map, Value};
use tidegate_intake::{Denied, Door, EvidenceShelf, conform};
use tidegate_land::{Arrival, Landing, Producer};
use tidegate_otlp::{Content, Context, Mapped, Mapper, Stream, Unredacted};
use tidegate_receive::{Encoding, Export, Intake, Landed, Partial, Refused, Rows, Signal, Taken};
use tidegate_redact::scrub;
use tidegate_stream::now_us;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::metrics::Receiving;

/// The column of references to what was said.
const EVIDENCE_REF: &str = "evidence_ref";

/// A stream that takes what arrives.
pub(crate) struct Desk {
    pub(crate) schema: SchemaRef,
    pub(crate) door: Option<Door>,
    pub(crate) landing: Landing,
    /// The number of the last rows that came without one.
    pub(crate) last: Mutex<u64>,
}

/// Everything that takes what arrives.
pub(crate) struct FrontDoor {
    pub(crate) desks: BTreeMap<String, Desk>,
    pub(crate) mapper: Arc<Mapper>,
    pub(crate) shelf: Option<EvidenceShelf>,
    pub(crate) metrics: Receiving,
    /// Under what name rows are landed that come without a producer: this process, and no other.
    pub(crate) own: Producer,
}

impl Desk {
    /// Rows as they may be written.
    pub(crate) async fn admit(
        &self,
        rows: &RecordBatch,
        shelf: Option<&EvidenceShelf>,
    ) -> Result<RecordBatch, Refused> {
        let rows =
            conform(rows, &self.schema, now_us()).map_err(|error| Refused::Invalid(format!("TG317: {error}")))?;
        match &self.door {
            None => Ok(rows),
            Some(door) => door.arrive(&rows, shelf).await.map_err(|denied| match denied {
                Denied::Refused(cause) => Refused::Invalid(format!("TG322: {cause}")),
                Denied::Failed(cause) => {
                    tracing::warn!("rows were not taken: {cause}");
                    Refused::Down("TG318: the rows may not be redacted now: send the same again".to_owned())
                }
            }),
        }
    }
}

impl FrontDoor {
    /// Lands what a mapping made of telemetry; when this returns, it is there to stay.
    async fn land(&self, mapped: Mapped) -> Result<Partial, Refused> {
        let tally = mapped.tally();
        self.metrics.mapped(tally);
        let rejected = i64::try_from(tally.rejected.values().sum::<u64>()).unwrap_or(i64::MAX);
        let message = tally.message().unwrap_or_default();
        if !["decisions", "decision_steps", "labels"].iter().any(|stream| self.desks.contains_key(*stream)) {
            return Err(Refused::UnknownStream);
        }
        let Unredacted { decisions, steps, labels, content } = mapped.unredacted();
        let mut waiting = Vec::new();
        for (stream, batch) in [(Stream::Decisions, decisions), (Stream::Steps, steps), (Stream::Labels, labels)] {
            let desk = self.desks.get(stream.as_str()).filter(|_| batch.num_rows() > 0);
            let Some(desk) = desk else { continue };
            let batch = desk.admit(&with_evidence(batch, stream, &content), self.shelf.as_ref()).await?;
            if batch.num_rows() == 0 {
                continue;
            }
            // Numbers are given in the order in which rows are handed over.
            let mut last = desk.last.lock().await;
            let arrival = Arrival { producer: self.own.clone(), sequence: *last + 1, batch };
            waiting.push(desk.landing.offer(arrival).await?);
            *last += 1;
        }
        for landed in waiting {
            landed.await?;
        }
        Ok(Partial { rejected, message })
    }
}

/// What a mapping makes of a request.
fn map(mapper: &Mapper, export: &Export) -> tidegate_otlp::Result<Mapped> {
    let context = Context { tenant: None, ingested_at_us: now_us(), source: "otlp" };
    match (export.encoding, export.signal) {
        (Encoding::Json, _) => mapper.json(&export.body, &context),
        (Encoding::Protobuf, Signal::Traces) => mapper.proto(tidegate_otlp::Signal::Traces, &export.body, &context),
        (Encoding::Protobuf, Signal::Logs) => mapper.proto(tidegate_otlp::Signal::Logs, &export.body, &context),
    }
}

/// Rows with what was said beside them where a reference to it will stand: as one JSON object for each row.
fn with_evidence(rows: RecordBatch, stream: Stream, content: &[Content]) -> RecordBatch {
    let mut said: BTreeMap<usize, Map<String, Value>> = BTreeMap::new();
    for content in content.iter().filter(|content| content.stream == stream) {
        said.entry(content.row).or_default().insert(content.key.clone(), content.text.clone().into());
    }
    let schema = rows.schema();
    let Ok(place) = schema.index_of(EVIDENCE_REF) else { return rows };
    if said.is_empty() {
        return rows;
    }
    let texts = (0..rows.num_rows()).map(|row| said.remove(&row).map(|said| Value::Object(said).to_string()));
    let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
    let mut columns = rows.columns().to_vec();
    columns[place] = texts;
    RecordBatch::try_new(schema, columns).unwrap_or(rows)
}

impl Intake for FrontDoor {
    fn stream(&self, name: &str) -> Option<SchemaRef> {
        self.desks.get(name).map(|desk| Arc::clone(&desk.schema))
    }

    async fn position(&self, stream: &str, producer: &Producer) -> Result<u64, Refused> {
        let desk = self.desks.get(stream).ok_or(Refused::UnknownStream)?;
        Ok(desk.landing.position(producer).await?)
    }

    async fn rows(&self, rows: Rows) -> Result<Landed, Refused> {
        let Rows { stream, producer, sequence, batch, .. } = rows;
        let desk = self.desks.get(&stream).ok_or(Refused::UnknownStream)?;
        // Its name will be that of files.
        if scrub(producer.as_str()) != producer.as_str() {
            return Err(Refused::Invalid("TG323: the producer's name looks like somebody's data".to_owned()));
        }
        let sent = batch.num_rows();
        let admitted = desk.admit(&batch, self.shelf.as_ref()).await;
        let batch = admitted.inspect_err(|_| self.metrics.refused(&stream, sent))?;
        let landed = desk.landing.offer(Arrival { producer, sequence, batch }).await?;
        Ok(async move { Ok(Taken { duplicate: landed.await?.duplicate }) }.boxed())
    }

    async fn export(&self, export: Export) -> Result<Partial, Refused> {
        let mapper = Arc::clone(&self.mapper);
        let mapped = spawn_blocking(move || map(&mapper, &export)).await;
        // It was told where the panic was.
        let mapped = mapped.unwrap_or(Err(tidegate_otlp::Error::Panicked)).map_err(|error| refused(&error))?;
        self.land(mapped).await
    }

    async fn flush(&self) {
        for desk in self.desks.values() {
            desk.landing.flush().await;
        }
    }
}

fn refused(error: &tidegate_otlp::Error) -> Refused {
    let message = format!("{}: {error}", error.code());
    if error.is_too_much() { Refused::TooLarge(message) } else { Refused::Invalid(message) }
}
