//! How is OTLP received over gRPC?
//!
//! Its messages are not made into structures here, which would copy every key and value of every attribute: their bytes go
//! on as they are.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use bytes::{Buf, BufMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use tonic::Status;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EnabledCompressionEncodings, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};

use super::answer;
use crate::{Encoding, Export, Intake, Limits, Origin, Signal};

/// The paths of both services of OTLP that are spoken.
pub(crate) fn router<I: Intake>(intake: Arc<I>, limits: &Limits) -> Router {
    let most = limits.message_bytes;
    let export = |signal| post(move |State(intake), request| export::<I>(intake, signal, most, request));
    Router::new()
        .route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", export(Signal::Traces))
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", export(Signal::Logs))
        .with_state(intake)
}

async fn export<I: Intake>(intake: Arc<I>, signal: Signal, most: usize, request: Request) -> Response {
    let mut gzip = EnabledCompressionEncodings::default();
    gzip.enable(CompressionEncoding::Gzip);
    let call = Call { intake, signal, origin: Origin::of(request.extensions()) };
    let mut grpc = Grpc::new(Raw).apply_compression_config(gzip, gzip).max_decoding_message_size(most);
    grpc.unary(call, request).await.map(Body::new)
}

/// One call.
struct Call<I> {
    intake: Arc<I>,
    signal: Signal,
    origin: Origin,
}

impl<I: Intake> UnaryService<Bytes> for Call<I> {
    type Response = Vec<u8>;
    type Future = BoxFuture<'static, Result<tonic::Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (intake, signal, origin) = (Arc::clone(&self.intake), self.signal, self.origin);
        let export = Export { signal, encoding: Encoding::Protobuf, body: request.into_inner(), origin };
        async move { Ok(tonic::Response::new(answer(intake.export(export).await?))) }.boxed()
    }
}

/// Messages as their bytes.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
