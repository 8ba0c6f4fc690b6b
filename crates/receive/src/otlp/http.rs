//! How is OTLP received over HTTP?

use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use flate2::read::MultiGzDecoder;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tonic::Code;

use super::answer;
use crate::{Encoding, Export, Intake, Limits, Origin, Partial, Refused, Signal, refusal};

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
    let export = |signal| post(move |State(shared), request| export::<I>(shared, signal, request));
    Router::new()
        .route("/v1/traces", export(Signal::Traces))
        .route("/v1/logs", export(Signal::Logs))
        .route(HEALTH, get(async || "ok\n"))
        .with_state(Shared { intake, limits })
}

/// Reads a request, has it taken, and answers in its encoding.
async fn export<I: Intake>(shared: Shared<I>, signal: Signal, request: Request) -> Response {
    let Some(encoding) = encoding_of(request.headers()) else {
        let message = "TG775: send application/x-protobuf or application/json";
        return unsupported(message, Encoding::Json);
    };
    let Some(packing) = packing_of(request.headers()) else {
        return unsupported("TG775: compress with gzip, or not at all", encoding);
    };
    let origin = Origin::of(request.extensions());
    let taken = async {
        let body = body(request, packing, &shared.limits).await?;
        shared.intake.export(Export { signal, encoding, body, origin }).await
    };
    match taken.await {
        Ok(partial) => {
            let bytes = match encoding {
                Encoding::Protobuf => answer(partial),
                Encoding::Json => json_answer(signal, &partial),
            };
            refusal::answer(StatusCode::OK, bytes, encoding)
        }
        Err(refused) => refusal::over_http(&refused, encoding),
    }
}

/// The body of a request, decompressed.
async fn body(request: Request, packing: Packing, limits: &Limits) -> Result<Bytes, Refused> {
    let limit = limits.message_bytes;
    let reading = timeout(limits.patience, to_bytes(request.into_body(), limit)).await;
    let body = reading.map_err(|_| slow())?.map_err(|_| too_large(limit))?;
    match packing {
        Packing::Plain => Ok(body),
        Packing::Gzip => spawn_blocking(move || unpack(&body, limit)).await.unwrap_or_else(|_| Err(not_gzip())),
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

fn not_gzip() -> Refused {
    Refused::Invalid("TG775: the body is not gzip".to_owned())
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

/// A body that is gzip, which is never let grow beyond the limit.
fn unpack(body: &[u8], limit: usize) -> Result<Bytes, Refused> {
    let mut plain = Vec::new();
    let read = MultiGzDecoder::new(body).take(limit as u64 + 1).read_to_end(&mut plain);
    read.map_err(|_| not_gzip())?;
    if plain.len() > limit { Err(too_large(limit)) } else { Ok(plain.into()) }
}

/// The JSON of protobuf writes 64-bit numbers as text.
fn json_answer(signal: Signal, partial: &Partial) -> Vec<u8> {
    if *partial == Partial::default() {
        return b"{}".to_vec();
    }
    let rejected = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
    };
    let success = serde_json::json!({ rejected: partial.rejected.to_string(), "errorMessage": partial.message });
    serde_json::json!({ "partialSuccess": success }).to_string().into_bytes()
}
