//! How is a refusal told, over gRPC and over HTTP?
//!
//! Over both the message is a `google.rpc.Status`. Where sending again may help, a `RetryInfo` says when, and over HTTP the
//! header `Retry-After`.

use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use prost::Message;
use tonic::{Code, Status};

use crate::{Encoding, Refused};

/// When to come back to a server that is down.
const DOWN_FOR: Duration = Duration::from_secs(5);

/// `google.rpc.Status`
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// What a refusal is over gRPC, over HTTP, and when to come back.
fn meaning(refused: &Refused) -> (Code, StatusCode, Option<Duration>) {
    match refused {
        Refused::UnknownStream => (Code::NotFound, StatusCode::NOT_FOUND, None),
        Refused::Busy { retry_after } => (Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS, Some(*retry_after)),
        Refused::Invalid(_) => (Code::InvalidArgument, StatusCode::BAD_REQUEST, None),
        Refused::TooLarge(_) => (Code::InvalidArgument, StatusCode::PAYLOAD_TOO_LARGE, None),
        Refused::OutOfOrder(_) => (Code::FailedPrecondition, StatusCode::CONFLICT, None),
        Refused::Down(_) => (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, Some(DOWN_FOR)),
    }
}

fn rpc_status(refused: &Refused) -> RpcStatus {
    let (code, _, retry_after) = meaning(refused);
    let details = retry_after.map(|after| {
        let seconds = i64::try_from(after.as_secs()).unwrap_or(i64::MAX);
        let nanos = i32::try_from(after.subsec_nanos()).unwrap_or(0);
        let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos }) };
        Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info.encode_to_vec() }
    });
    RpcStatus { code: code as i32, message: refused.to_string(), details: details.into_iter().collect() }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        let (code, _, _) = meaning(&refused);
        let status = rpc_status(&refused);
        Self::with_details(code, status.message.clone(), status.encode_to_vec().into())
    }
}

/// The answer over HTTP, in the encoding of the request.
pub(crate) fn over_http(refused: &Refused, encoding: Encoding) -> Response {
    let (_, status, retry_after) = meaning(refused);
    let mut response = plain(status, &rpc_status(refused), encoding);
    if let Some(after) = retry_after {
        // Whole seconds only, and not sooner than was said.
        let seconds = after.as_millis().div_ceil(1000).max(1);
        response.headers_mut().insert(header::RETRY_AFTER, u64::try_from(seconds).unwrap_or(u64::MAX).into());
    }
    response
}

/// An answer that is not a refusal of what was sent, but of how.
pub(crate) fn with_status(status: StatusCode, code: Code, message: &str, encoding: Encoding) -> Response {
    plain(status, &RpcStatus { code: code as i32, message: message.to_owned(), details: Vec::new() }, encoding)
}

fn plain(status: StatusCode, body: &RpcStatus, encoding: Encoding) -> Response {
    let bytes = match encoding {
        Encoding::Protobuf => body.encode_to_vec(),
        Encoding::Json => serde_json::json!({ "code": body.code, "message": body.message }).to_string().into_bytes(),
    };
    answer(status, bytes, encoding)
}

/// An answer in an encoding.
pub(crate) fn answer(status: StatusCode, bytes: Vec<u8>, encoding: Encoding) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let kind = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
