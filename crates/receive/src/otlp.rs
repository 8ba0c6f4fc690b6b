//! How is OTLP received?
//!
//! Over gRPC and over HTTP the same comes in and the same goes out: a body in, which is left to the intake to read, and out
//! what of it was rejected.

pub(crate) mod grpc;
pub(crate) mod http;

use prost::Message;

use crate::Partial;

/// `ExportTraceServiceResponse`, and that of logs, whose fields have the same numbers and types.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// `ExportTracePartialSuccess` and `ExportLogsPartialSuccess`
#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// The answer to a request of which something was taken; empty when all is well.
fn answer(partial: Partial) -> Vec<u8> {
    let said = partial != Partial::default();
    let Partial { rejected, message } = partial;
    let partial_success = said.then_some(PartialSuccess { rejected, error_message: message });
    ExportResponse { partial_success }.encode_to_vec()
}
