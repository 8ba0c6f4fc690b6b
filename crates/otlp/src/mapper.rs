//! How does one request become rows?
//!
//! ```text
//! bytes --decode--> Telemetry --Forest--> which span is what --Record::ask--> rows of three streams
//!         limits                 ids, homes                     rules
//! ```
//!
//! Everything happens in memory and at once: no I/O, no clock, nothing is remembered from one request to the next.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;

use crate::decode::proto::Signal;
use crate::decode::{json, proto, rows};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::mapped::Mapped;
use crate::mapping::Mapping;
use crate::run::Run;
use crate::tally::Tally;
use crate::telemetry::Sink;

/// In which form a file holds telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `otlp_json`: one request per line, or a single document.
    OtlpJson,
    /// `otlp_proto`: one request, or requests that each follow their length.
    OtlpProto,
}

/// What becomes of prompts, answers and arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentPolicy {
    /// They are dropped, and counted.
    #[default]
    Drop,
    /// They are handed out beside the rows, for the evidence store.
    Evidence,
}

/// What is known of a request apart from its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// The tenant that the sender proved to be. It wins over what the telemetry says; a span that says another is
    /// rejected.
    pub tenant: Option<&'c str>,
    /// When the request came, in microseconds since 1970.
    pub ingested_at_us: i64,
    /// Where it came from: a connector, a file.
    pub source: &'c str,
}

/// Turns telemetry into rows, by one mapping.
///
/// ```
/// use tidegate_otlp::{Context, Mapper, Mapping};
///
/// let mapper = Mapper::new(Mapping::shipped("otel-genai")?);
/// let context = Context { tenant: Some("acme"), ingested_at_us: 1_767_225_600_000_000, source: "docs" };
/// let request = br#"{"resourceSpans": [{"scopeSpans": [{"spans": [{
///     "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
///     "name": "invoke_agent billing",
///     "startTimeUnixNano": "1767225590000000000", "endTimeUnixNano": "1767225592500000000",
///     "attributes": [
///         {"key": "gen_ai.operation.name", "value": {"stringValue": "invoke_agent"}},
///         {"key": "gen_ai.agent.name", "value": {"stringValue": "billing"}}
///     ]}]}]}]}"#;
/// let mapped = mapper.json(request, &context)?;
/// assert_eq!(mapped.tally().decisions, 1);
/// let rows = mapped.unredacted();
/// assert_eq!(rows.decisions.num_rows(), 1);
/// # Ok::<(), tidegate_otlp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mapper {
    mapping: Mapping,
    limits: Limits,
    content: ContentPolicy,
}

impl Mapper {
    /// A mapper with the default limits, that drops content.
    pub fn new(mapping: Mapping) -> Self {
        Self { mapping, limits: Limits::default(), content: ContentPolicy::Drop }
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same with another policy for content.
    #[must_use]
    pub fn with_content(self, content: ContentPolicy) -> Self {
        Self { content, ..self }
    }

    /// The mapping.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Maps one binary request.
    ///
    /// # Errors
    /// When the bytes are not that, or pass a limit. Of what is refused nothing is taken.
    pub fn proto(&self, signal: Signal, bytes: &[u8], context: &Context<'_>) -> Result<Mapped> {
        self.map(bytes.len(), context, |sink| proto::request(sink, signal, bytes))
    }

    /// Maps one JSON request, of traces, of logs, or of both.
    ///
    /// # Errors
    /// As [`proto`](Self::proto).
    pub fn json(&self, bytes: &[u8], context: &Context<'_>) -> Result<Mapped> {
        self.map(bytes.len(), context, |sink| json::documents(sink, bytes))
    }

    /// Maps a whole file, as the Collector's exporters write it. Spans find their decisions anywhere in it.
    ///
    /// # Errors
    /// As [`proto`](Self::proto).
    pub fn file(&self, format: Format, bytes: &[u8], context: &Context<'_>) -> Result<Mapped> {
        match format {
            Format::OtlpJson => self.json(bytes, context),
            Format::OtlpProto => self.map(bytes.len(), context, |sink| proto::file(sink, None, bytes)),
        }
    }

    /// Maps rows of a table, for a mapping with a section `[rows]`: spans, or labels if the table has the column that
    /// tells labels.
    ///
    /// # Errors
    /// When the mapping reads no tables, a column is missing or of the wrong type, or a limit is passed.
    pub fn rows(&self, batch: &RecordBatch, context: &Context<'_>) -> Result<Mapped> {
        let Some(fields) = &self.mapping.rows else {
            return Err(Error::NoRows { mapping: self.mapping.name.clone() });
        };
        let table = rows::Table::new(batch, fields, &self.mapping.name)?;
        self.map(0, context, |sink| table.read(sink))
    }

    fn map<'a>(
        &self,
        bytes: usize,
        context: &Context<'_>,
        decode: impl FnOnce(&mut Sink<'_, 'a>) -> Result<()>,
    ) -> Result<Mapped> {
        if bytes > self.limits.bytes {
            return Err(Error::TooLarge { bytes, limit: self.limits.bytes });
        }
        let run = || {
            let keeps_content = self.content == ContentPolicy::Evidence;
            let mut sink = Sink::new(&self.mapping.keys, self.limits, keeps_content);
            decode(&mut sink)?;
            let Sink { telemetry, dropped, .. } = sink;
            let tally = Tally {
                spans: telemetry.spans.len() as u64,
                logs: telemetry.logs.len() as u64,
                dropped_attributes: dropped.finish(self.limits.dropped_keys),
                ..Tally::default()
            };
            Run::new(self, context, &telemetry, tally).finish()
        };
        // Nothing outside is changed before the end, so nothing is left half done.
        catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Error::Panicked))
    }
}
