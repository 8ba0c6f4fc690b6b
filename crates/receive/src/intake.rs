//! What does whoever takes the rows have to do?

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use axum::body::Bytes;
use axum::http::Extensions;
use futures::future::BoxFuture;
use tidegate_land::Producer;

use crate::connection::Peer;

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

impl Origin {
    /// Of a call whose connection left its other end among these.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        Self { peer: extensions.get::<Peer>().map(|peer| peer.0) }
    }
}

/// Rows are there to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether they had been before.
    pub duplicate: bool,
}

/// Resolves when rows are there to stay, or are known not to be.
pub type Landed = BoxFuture<'static, Result<Taken, Refused>>;

/// A request of OTLP: within the limits, not compressed any more, and otherwise as it came.
#[derive(Clone)]
pub struct Export {
    /// What it holds.
    pub signal: Signal,
    /// How it is written.
    pub encoding: Encoding,
    /// Its bytes, which nobody has read yet.
    pub body: Bytes,
    /// Where it comes from.
    pub origin: Origin,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Export({:?} as {:?}, {} bytes)", self.signal, self.encoding, self.body.len())
    }
}

/// What a request of OTLP holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans: an `ExportTraceServiceRequest`.
    Traces,
    /// Log records: an `ExportLogsServiceRequest`.
    Logs,
}

/// How a request of OTLP is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As gRPC sends it, and `application/x-protobuf` over HTTP.
    Protobuf,
    /// `application/json`
    Json,
}

/// What of an OTLP request was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partial {
    /// How many of its spans or log records were not.
    pub rejected: i64,
    /// Why. Must not quote what they hold.
    pub message: String,
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

    /// Takes spans or log records. When this returns, they are there to stay. The body comes from whoever may call: reading it
    /// is for a thread that may block, behind limits, and [`Refused::Invalid`] must not quote it.
    fn export(&self, export: Export) -> impl Future<Output = Result<Partial, Refused>> + Send;

    /// Lands what waits, because the server stops. It is called once no more is read, and before calls are waited for.
    fn flush(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
