//! What does whoever takes the rows have to do?

use std::net::SocketAddr;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tidegate_land::Producer;

/// Rows of one batch of a Flight call.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The stream they are for; [`Intake::stream`] knows it.
    pub stream: String,
    /// Who sends.
    pub producer: Producer,
    /// The number of this batch among those of its producer.
    pub sequence: u64,
    /// The rows, as they were sent: they need not fit the stream.
    pub batch: RecordBatch,
    /// Where they come from.
    pub origin: Origin,
}

/// Where something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The other end of the connection.
    pub peer: Option<SocketAddr>,
}

/// Rows are there to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether they had been before.
    pub duplicate: bool,
}

/// Resolves when rows are there to stay, or are known not to be.
pub type Landed = BoxFuture<'static, Result<Taken, Refused>>;

/// What of an OTLP request was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// How many of its spans or log records were not.
    pub rejected: i64,
    /// Why. Must not quote what they hold.
    pub message: String,
}

/// How the body of an OTLP request over HTTP is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

/// Why something was not taken. Messages go to the sender and must not quote what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// There is no such stream.
    #[error("TG774: there is no stream of this name: correct it, or define the stream")]
    UnknownStream,
    /// As much is waiting as may wait.
    #[error("TG777: too much is waiting: send the same again in {} ms", retry_after.as_millis())]
    Busy {
        /// How long to wait before sending again.
        retry_after: Duration,
    },
    /// Sending the same again will not help.
    #[error("{0}")]
    Invalid(String),
    /// It takes more bytes than may be sent at once.
    #[error("{0}")]
    TooLarge(String),
    /// A number was left out, or another process takes rows of this producer.
    #[error("{0}")]
    OutOfOrder(String),
    /// It could not be taken now. Sending the same again may help, and is safe.
    #[error("{0}")]
    Down(String),
}

impl From<tidegate_land::Error> for Refused {
    fn from(error: tidegate_land::Error) -> Self {
        use tidegate_land::Error;
        let message = format!("{}: {error}", error.code());
        match error {
            Error::Busy { retry_after } => Self::Busy { retry_after },
            Error::TooLarge { .. } => Self::TooLarge(message),
            Error::Gap { .. } | Error::Overtaken { .. } => Self::OutOfOrder(message),
            // Where the store is and what it said is for whoever runs it.
            Error::Store(_) => Self::Down("TG769: the rows may not be landed: send the same again".to_owned()),
            Error::Damaged { .. } => Self::Down("TG768: files of this producer are damaged".to_owned()),
            Error::Closed | Error::Encode => Self::Down(message),
            _ => Self::Invalid(message),
        }
    }
}

/// Takes what is received.
///
/// Nothing here needs to be fast in answering: many calls run at once, and those of one Flight call are pipelined.
pub trait Intake: Send + Sync + 'static {
    /// The columns of a stream that rows can be sent to.
    fn stream(&self, name: &str) -> Option<SchemaRef>;

    /// The number of a producer's last batch that is landed; 0 when none is.
    fn position(&self, stream: &str, producer: &Producer) -> impl Future<Output = Result<u64, Refused>> + Send;

    /// Takes rows in, and says by a second future when they are there to stay. A call's batches are handed over one by one:
    /// the next when this one was taken in. It should wait a little for room before it answers [`Refused::Busy`].
    fn rows(&self, rows: Rows) -> impl Future<Output = Result<Landed, Refused>> + Send;

    /// Takes spans. When this returns, they are there to stay.
    fn traces(
        &self,
        request: ExportTraceServiceRequest,
        origin: Origin,
    ) -> impl Future<Output = Result<Partial, Refused>> + Send;

    /// Takes log records. When this returns, they are there to stay.
    fn logs(
        &self,
        request: ExportLogsServiceRequest,
        origin: Origin,
    ) -> impl Future<Output = Result<Partial, Refused>> + Send;

    /// Reads the body of a request over HTTP, which is within the limits and not compressed any more. Runs where it may block.
    ///
    /// # Errors
    /// [`Refused::Invalid`], without quoting the body.
    fn decode_traces(&self, body: &[u8], encoding: Encoding) -> Result<ExportTraceServiceRequest, Refused> {
        match encoding {
            Encoding::Protobuf => from_protobuf(body),
            Encoding::Json => {
                from_json(body).map(|Traces { resource_spans }| ExportTraceServiceRequest { resource_spans })
            }
        }
    }

    /// As [`decode_traces`](Self::decode_traces).
    ///
    /// # Errors
    /// As there.
    fn decode_logs(&self, body: &[u8], encoding: Encoding) -> Result<ExportLogsServiceRequest, Refused> {
        match encoding {
            Encoding::Protobuf => from_protobuf(body),
            Encoding::Json => from_json(body).map(|Logs { resource_logs }| ExportLogsServiceRequest { resource_logs }),
        }
    }

    /// Lands what waits, because the server stops. It is called once no more is read, and before calls are waited for.
    fn flush(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// A request as JSON, which leaves out what is empty: `{}` is a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Traces {
    #[serde(default)]
    resource_spans: Vec<ResourceSpans>,
}

/// The same of log records.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logs {
    #[serde(default)]
    resource_logs: Vec<ResourceLogs>,
}

fn from_protobuf<M: Message + Default>(body: &[u8]) -> Result<M, Refused> {
    M::decode(body).map_err(|_| Refused::Invalid("TG775: the body is not the protobuf message of OTLP".to_owned()))
}

fn from_json<M: DeserializeOwned>(body: &[u8]) -> Result<M, Refused> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Refused::Invalid(format!("TG775: the body is not the JSON of OTLP, at line {line}, column {column}"))
    })
}
