//! How is OTLP received over gRPC?

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::LogsService;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::TraceService;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tonic::{Request, Response, Status};

use crate::connection::Peer;
use crate::http::{rejected_logs, rejected_spans};
use crate::{Intake, Origin};

/// Both services of OTLP that are spoken.
pub(crate) struct Otlp<I>(pub(crate) Arc<I>);

/// Where a call comes from.
pub(crate) fn origin<M>(request: &Request<M>) -> Origin {
    Origin { peer: request.extensions().get::<Peer>().map(|peer| peer.0) }
}

#[tonic::async_trait]
impl<I: Intake> TraceService for Otlp<I> {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let origin = origin(&request);
        let partial = self.0.traces(request.into_inner(), origin).await?;
        Ok(Response::new(ExportTraceServiceResponse { partial_success: rejected_spans(partial) }))
    }
}

#[tonic::async_trait]
impl<I: Intake> LogsService for Otlp<I> {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let origin = origin(&request);
        let partial = self.0.logs(request.into_inner(), origin).await?;
        Ok(Response::new(ExportLogsServiceResponse { partial_success: rejected_logs(partial) }))
    }
}
