//! An intake that lands what it is sent, for tests and for the example.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::FutureExt;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use serde::de::DeserializeOwned;
use tidegate_land::{Arrival, Landing, Options, Producer};
use tidegate_ledger::Store;
use tidegate_receive::{Encoding, Export, Intake, Landed, Partial, Refused, Rows, Signal, Taken};

/// Lands the rows of one stream, `events`, and counts spans and log records.
pub(crate) struct Desk {
    pub(crate) landing: Landing,
    pub(crate) spans: AtomicU64,
    pub(crate) records: AtomicU64,
    /// Whether OTLP is told to come back later.
    pub(crate) busy: AtomicBool,
}

pub(crate) fn events() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("text", DataType::Utf8, true),
        Field::new("amount", DataType::Float64, true),
    ]))
}

impl Desk {
    pub(crate) fn open(store: Store, options: Options) -> Result<Self, tidegate_land::Error> {
        let landing = Landing::open(store, "events", events(), options)?;
        Ok(Self { landing, spans: AtomicU64::default(), records: AtomicU64::default(), busy: AtomicBool::default() })
    }

    fn check(&self) -> Result<(), Refused> {
        let retry_after = Duration::from_millis(1500);
        if self.busy.load(Ordering::SeqCst) { Err(Refused::Busy { retry_after }) } else { Ok(()) }
    }
}

/// Spans without a name are not taken.
fn partial(rejected: usize) -> Partial {
    match rejected {
        0 => Partial::default(),
        _ => Partial { rejected: rejected as i64, message: "they have no name".to_owned() },
    }
}

fn wrong<E>(_: E) -> Refused {
    Refused::Invalid("TG775: the body is not OTLP".to_owned())
}

/// A member of a JSON document, which leaves out what is empty: `{}` is a request.
fn member<T: DeserializeOwned>(body: &[u8], name: &str) -> Result<Vec<T>, Refused> {
    let mut document: serde_json::Value = serde_json::from_slice(body).map_err(wrong)?;
    let member = document.get_mut(name).map(serde_json::Value::take);
    member.map_or(Ok(Vec::new()), |member| serde_json::from_value(member).map_err(wrong))
}

fn spans(export: &Export) -> Result<Vec<ResourceSpans>, Refused> {
    match export.encoding {
        Encoding::Json => member(&export.body, "resourceSpans"),
        Encoding::Protobuf => {
            Ok(ExportTraceServiceRequest::decode(export.body.as_ref()).map_err(wrong)?.resource_spans)
        }
    }
}

fn records(export: &Export) -> Result<Vec<ResourceLogs>, Refused> {
    match export.encoding {
        Encoding::Json => member(&export.body, "resourceLogs"),
        Encoding::Protobuf => Ok(ExportLogsServiceRequest::decode(export.body.as_ref()).map_err(wrong)?.resource_logs),
    }
}

impl Intake for Desk {
    fn stream(&self, name: &str) -> Option<SchemaRef> {
        (name == "events").then(events)
    }

    async fn position(&self, _: &str, producer: &Producer) -> Result<u64, Refused> {
        Ok(self.landing.position(producer).await?)
    }

    async fn rows(&self, rows: Rows) -> Result<Landed, Refused> {
        let Rows { producer, sequence, batch, .. } = rows;
        let pending = self.landing.offer(Arrival { producer, sequence, batch }).await?;
        Ok(async move { Ok(Taken { duplicate: pending.await?.duplicate }) }.boxed())
    }

    async fn export(&self, export: Export) -> Result<Partial, Refused> {
        self.check()?;
        match export.signal {
            Signal::Traces => {
                let resources = spans(&export)?;
                let spans = resources.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
                let (named, unnamed): (Vec<_>, Vec<_>) = spans.partition(|span| !span.name.is_empty());
                self.spans.fetch_add(named.len() as u64, Ordering::SeqCst);
                Ok(partial(unnamed.len()))
            }
            Signal::Logs => {
                let resources = records(&export)?;
                let records = resources.iter().flat_map(|r| &r.scope_logs).map(|s| s.log_records.len() as u64);
                self.records.fetch_add(records.sum(), Ordering::SeqCst);
                Ok(Partial::default())
            }
        }
    }

    async fn flush(&self) {
        self.landing.flush().await;
    }
}
