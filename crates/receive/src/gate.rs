//! Who may call, and how many at once? Asked before anything of a call's body is read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::listen::Secret;
use crate::otlp::http::{HEALTH, encoding_of};
use crate::{Encoding, Limits, Refused, refusal};

/// What is asked of every call to one listener.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    token: Option<Secret>,
    calls: Arc<Semaphore>,
    retry_after: Duration,
    patience: Duration,
}

/// A call's place among those there may be at once. A call that goes on after its first answer keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

impl Gate {
    pub(crate) fn new(token: Option<Secret>, limits: &Limits) -> Self {
        let calls = Arc::new(Semaphore::new(limits.calls));
        Self { token, calls, retry_after: limits.retry_after, patience: limits.patience }
    }

    fn knows(&self, request: &Request) -> bool {
        let shown = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        self.token.as_ref().is_none_or(|token| token.is_shown_by(shown))
    }
}

/// Lets a call in, or answers it.
pub(crate) async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    if request.uri().path() == HEALTH {
        return next.run(request).await;
    }
    let speaks = Speech::of(&request);
    if !gate.knows(&request) {
        return stranger(speaks);
    }
    let Ok(place) = Arc::clone(&gate.calls).try_acquire_owned() else {
        return refuse(Refused::Busy { retry_after: gate.retry_after }, speaks);
    };
    let place = Place(Arc::new(place));
    request.extensions_mut().insert(place.clone());
    let answered = timeout(gate.patience, next.run(request)).await;
    drop(place);
    // Told by us and in the caller's protocol: a gRPC status would be a success to whoever speaks plain HTTP.
    answered
        .unwrap_or_else(|_| refuse(Refused::Down("TG779: this took too long: send the same again".to_owned()), speaks))
}

/// What a caller understands.
#[derive(Clone, Copy)]
enum Speech {
    Grpc,
    Http(Encoding),
}

impl Speech {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let kind = headers.get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
        if kind.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
            return Self::Grpc;
        }
        Self::Http(encoding_of(headers).unwrap_or(Encoding::Json))
    }
}

fn stranger(speaks: Speech) -> Response {
    const MESSAGE: &str = "TG773: the call does not show the token: send `authorization: Bearer <token>`";
    let Speech::Http(encoding) = speaks else {
        return Status::unauthenticated(MESSAGE).into_http::<Body>().into_response();
    };
    let mut response = refusal::with_status(StatusCode::UNAUTHORIZED, Code::Unauthenticated, MESSAGE, encoding);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    response
}

fn refuse(refused: Refused, speaks: Speech) -> Response {
    match speaks {
        Speech::Grpc => Status::from(refused).into_http::<Body>().into_response(),
        Speech::Http(encoding) => refusal::over_http(&refused, encoding),
    }
}
