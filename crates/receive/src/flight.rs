//! How is Arrow Flight spoken?
//!
//! `DoPut` takes rows. `GetSchema` and `GetFlightInfo` tell the columns of a stream, and the action `position` the number up
//! to which a producer's batches are landed. Rows cannot be read here.

pub(crate) mod decode;
mod put;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::stream::{BoxStream, StreamExt};
use serde::{Deserialize, Serialize};
use tidegate_land::Producer;
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};

use crate::gate::Place;
use crate::{Intake, Limits, Origin, Refused};
use put::{Call, misspoken, stream_of};

/// The action that tells where a producer left off.
const POSITION: &str = "position";

/// The body of the action, as JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionOf {
    stream: String,
    producer: String,
}

/// Its answer, as JSON.
#[derive(Debug, Serialize)]
struct PositionIs {
    landed: u64,
}

/// The service.
pub(crate) struct Flight<I> {
    pub(crate) intake: Arc<I>,
    pub(crate) limits: Limits,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl<I: Intake> Flight<I> {
    fn columns(&self, descriptor: &FlightDescriptor) -> Result<SchemaRef, Status> {
        let stream = stream_of(Some(descriptor))?;
        Ok(self.intake.stream(&stream).ok_or(Refused::UnknownStream)?)
    }
}

type Answers<T> = BoxStream<'static, Result<T, Status>>;

fn absent<T>(what: &str) -> Result<Response<T>, Status> {
    Err(Status::unimplemented(format!(
        "TG778: {what} is not offered: rows are sent here, and read from released files"
    )))
}

#[tonic::async_trait]
impl<I: Intake> FlightService for Flight<I> {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoExchangeStream = Answers<FlightData>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let call = Call {
            intake: Arc::clone(&self.intake),
            limits: self.limits,
            stopping: self.stopping.clone(),
            origin: Origin::of(request.extensions()),
            headers: request.metadata().clone(),
            _place: request.extensions().get::<Place>().cloned(),
        };
        Ok(Response::new(put::answers(call, request.into_inner()).boxed()))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let columns = self.columns(request.get_ref())?;
        let result = SchemaAsIpc::new(&columns, &IpcWriteOptions::default()).try_into();
        result.map(Response::new).map_err(|_| Status::internal("the columns cannot be written"))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let descriptor = request.into_inner();
        let columns = self.columns(&descriptor)?;
        let info = FlightInfo::new().try_with_schema(&columns);
        let info = info.map_err(|_| Status::internal("the columns cannot be written"))?;
        Ok(Response::new(info.with_descriptor(descriptor)))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let Action { r#type, body } = request.into_inner();
        if r#type != POSITION {
            return Err(misspoken("the only action is `position`"));
        }
        let asked: PositionOf = serde_json::from_slice(&body).map_err(|_| {
            misspoken("the body of `position` must be JSON such as {\"stream\": \"s\", \"producer\": \"p\"}")
        })?;
        let producer = Producer::new(&asked.producer).map_err(|invalid| misspoken(&invalid.to_string()))?;
        if self.intake.stream(&asked.stream).is_none() {
            return Err(Refused::UnknownStream.into());
        }
        let landed = self.intake.position(&asked.stream, &producer).await?;
        let body = serde_json::to_vec(&PositionIs { landed }).unwrap_or_default();
        Ok(Response::new(futures::stream::once(async { Ok(arrow_flight::Result::new(body)) }).boxed()))
    }

    async fn list_actions(&self, _: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        let description = "The number of a producer's last landed batch. Body: {\"stream\": ..., \"producer\": ...}";
        let action = ActionType { r#type: POSITION.to_owned(), description: description.to_owned() };
        Ok(Response::new(futures::stream::once(async { Ok(action) }).boxed()))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        Err(Status::unimplemented("TG778: there is no handshake: send `authorization: Bearer <token>` with each call"))
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        absent("ListFlights")
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        absent("PollFlightInfo")
    }

    async fn do_get(&self, _: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        absent("DoGet")
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        absent("DoExchange")
    }
}
