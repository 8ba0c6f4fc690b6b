//! How is OTLP received over HTTP?

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use flate2::read::MultiGzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tonic::Code;

use crate::connection::Peer;
use crate::{Encoding, Intake, Limits, Origin, Partial, Refused, refusal};

/// Where it is asked whether the server lives. Needs no token.
pub(crate) const HEALTH: &str = "/healthz";

/// What handlers share.
struct Shared<I> {
    intake: Arc<I>,
    limits: Limits,
}

impl<I> Clone for Shared<I> {
    fn clone(&self) -> Self {
        Self { intake: Arc::clone(&self.intake), limits: self.limits }
    }
}

/// The paths of OTLP.
pub(crate) fn router<I: Intake>(intake: Arc<I>, limits: Limits) -> Router {
    Router::new()
        .route("/v1/traces", post(traces::<I>))
        .route("/v1/logs", post(logs::<I>))
        .route(HEALTH, get(async || "ok\n"))
        .with_state(Shared { intake, limits })
}

async fn traces<I: Intake>(State(shared): State<Shared<I>>, request: Request) -> Response {
    let intake = Arc::clone(&shared.intake);
    let decode = move |body: &[u8], encoding| intake.decode_traces(body, encoding);
    let take = async |request, origin| shared.intake.traces(request, origin).await;
    export(request, &shared.limits, decode, take, trace_answer).await
}

async fn logs<I: Intake>(State(shared): State<Shared<I>>, request: Request) -> Response {
    let intake = Arc::clone(&shared.intake);
    let decode = move |body: &[u8], encoding| intake.decode_logs(body, encoding);
    let take = async |request, origin| shared.intake.logs(request, origin).await;
    export(request, &shared.limits, decode, take, log_answer).await
}

/// Reads a request, has it taken, and answers in its encoding.
async fn export<M: Send + 'static>(
    request: Request,
    limits: &Limits,
    decode: impl FnOnce(&[u8], Encoding) -> Result<M, Refused> + Send + 'static,
    take: impl AsyncFnOnce(M, Origin) -> Result<Partial, Refused>,
    answer: fn(Partial, Encoding) -> Vec<u8>,
) -> Response {
    let Some(encoding) = encoding_of(request.headers()) else {
        let message = "TG775: send application/x-protobuf or application/json";
        return unsupported(message, Encoding::Json);
    };
    let Some(packing) = packing_of(request.headers()) else {
        return unsupported("TG775: compress with gzip, or not at all", encoding);
    };
    let origin = Origin { peer: request.extensions().get::<Peer>().map(|peer| peer.0) };
    let taken = async {
        let limit = limits.message_bytes;
        let reading = timeout(limits.patience, to_bytes(request.into_body(), limit)).await;
        let body = reading.map_err(|_| slow())?.map_err(|_| too_large(limit))?;
        // A decoder that panics ends with its thread's work.
        let message = spawn_blocking(move || decode(&unpack(&body, packing, limit)?, encoding)).await;
        let message = message.unwrap_or_else(|_| Err(malformed()))?;
        take(message, origin).await
    };
    match taken.await {
        Ok(partial) => refusal::answer(StatusCode::OK, answer(partial, encoding), encoding),
        Err(refused) => refusal::over_http(&refused, encoding),
    }
}

fn unsupported(message: &str, encoding: Encoding) -> Response {
    refusal::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, message, encoding)
}

fn slow() -> Refused {
    Refused::Down("TG779: the body did not come in time: send it again".to_owned())
}

fn too_large(limit: usize) -> Refused {
    Refused::TooLarge(format!("TG776: a request has at most {limit} bytes, before and after gzip: send smaller ones"))
}

fn malformed() -> Refused {
    Refused::Invalid("TG775: the body cannot be read".to_owned())
}

/// How a body is written; nothing when it is not one of the ways of OTLP.
pub(crate) fn encoding_of(headers: &HeaderMap) -> Option<Encoding> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match kind.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "application/x-protobuf" => Some(Encoding::Protobuf),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

/// How a body is packed for the way.
#[derive(Clone, Copy)]
enum Packing {
    Plain,
    Gzip,
}

fn packing_of(headers: &HeaderMap) -> Option<Packing> {
    let Some(packing) = headers.get(header::CONTENT_ENCODING) else { return Some(Packing::Plain) };
    match packing.to_str().ok()?.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Some(Packing::Plain),
        "gzip" => Some(Packing::Gzip),
        _ => None,
    }
}

/// The body, which is never let grow beyond the limit.
fn unpack(body: &[u8], packing: Packing, limit: usize) -> Result<Cow<'_, [u8]>, Refused> {
    let Packing::Gzip = packing else { return Ok(Cow::Borrowed(body)) };
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(body).take(limit as u64 + 1).read_to_end(&mut plain);
    read.map_err(|_| Refused::Invalid("TG775: the body is not gzip".to_owned()))?;
    if plain.len() > limit { Err(too_large(limit)) } else { Ok(Cow::Owned(plain)) }
}

fn trace_answer(partial: Partial, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Json => json_answer("rejectedSpans", &partial),
        Encoding::Protobuf => ExportTraceServiceResponse { partial_success: rejected_spans(partial) }.encode_to_vec(),
    }
}

fn log_answer(partial: Partial, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Json => json_answer("rejectedLogRecords", &partial),
        Encoding::Protobuf => ExportLogsServiceResponse { partial_success: rejected_logs(partial) }.encode_to_vec(),
    }
}

/// What was rejected of spans; nothing when all is well.
pub(crate) fn rejected_spans(partial: Partial) -> Option<ExportTracePartialSuccess> {
    let Partial { rejected, message } = partial;
    let said = rejected != 0 || !message.is_empty();
    said.then_some(ExportTracePartialSuccess { rejected_spans: rejected, error_message: message })
}

/// What was rejected of log records; nothing when all is well.
pub(crate) fn rejected_logs(partial: Partial) -> Option<ExportLogsPartialSuccess> {
    let Partial { rejected, message } = partial;
    let said = rejected != 0 || !message.is_empty();
    said.then_some(ExportLogsPartialSuccess { rejected_log_records: rejected, error_message: message })
}

/// The JSON of protobuf writes 64-bit numbers as text.
fn json_answer(rejected: &str, partial: &Partial) -> Vec<u8> {
    if *partial == Partial::default() {
        return b"{}".to_vec();
    }
    let success = serde_json::json!({ rejected: partial.rejected.to_string(), "errorMessage": partial.message });
    serde_json::json!({ "partialSuccess": success }).to_string().into_bytes()
}
