//! How do the servers start, and how do they end?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::Router;
use axum::middleware::from_fn_with_state;
use futures::FutureExt;
use futures::future::{OptionFuture, try_join};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::transport::Server;

use crate::flight::Flight;
use crate::gate::{Gate, admit};
use crate::listen::Secret;
use crate::otlp::{grpc, http};
use crate::{Error, Intake, Limits, Listen, Result, connection};

/// After how much silence the other end of a connection is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How large a frame of HTTP/2 may be. Batches come in many frames, and each costs calls to the system.
const FRAME_BYTES: u32 = 1 << 20;

/// Servers that have their ports, and serve nobody yet.
#[derive(Debug)]
pub struct Receiver {
    grpc: Option<Bound>,
    http: Option<Bound>,
    limits: Limits,
}

struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    token: Option<Secret>,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bound").field(&self.address).finish()
    }
}

impl Receiver {
    /// Takes the ports: one for Arrow Flight and OTLP over gRPC (4317 as a rule), one for OTLP over HTTP (4318).
    ///
    /// # Errors
    /// [`Error::Unprotected`] before anything is opened, [`Error::Tls`] or [`Error::Bind`].
    pub async fn bind(grpc: Option<Listen>, http: Option<Listen>, limits: Limits) -> Result<Self> {
        for listen in grpc.iter().chain(&http) {
            listen.check()?;
        }
        let grpc = OptionFuture::from(grpc.map(|listen| Bound::new(listen, &[b"h2"]))).await.transpose()?;
        let http =
            OptionFuture::from(http.map(|listen| Bound::new(listen, &[b"h2", b"http/1.1"]))).await.transpose()?;
        Ok(Self { grpc, http, limits })
    }

    /// Where gRPC is served.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().map(|bound| bound.address)
    }

    /// Where HTTP is served.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|bound| bound.address)
    }

    /// Serves until `shutdown` resolves. Then nothing new is accepted or read, the intake lands what it has, calls are
    /// answered, and after [`Limits::grace`] at the latest this returns.
    ///
    /// # Errors
    /// [`Error::Serve`] when a server fails before.
    pub async fn serve<I: Intake>(self, intake: Arc<I>, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let Self { grpc, http, limits } = self;
        let (stop, stopping) = watch::channel(false);
        let grpc = grpc.map(|bound| {
            let router = grpc_router(&intake, &limits, &stopping);
            run(bound, router, limits, stopping.clone())
        });
        let http = http.map(|bound| {
            let router = http::router(Arc::clone(&intake), limits);
            run(bound, router, limits, stopping.clone())
        });
        let mut serving = Box::pin(try_join(optional(grpc), optional(http)));
        tokio::select! {
            ended = &mut serving => return ended.map(drop),
            () = shutdown => {}
        }
        stop.send_replace(true);
        let ending = async { futures::join!(serving, intake.flush()).0 };
        match timeout(limits.grace, ending).await {
            Ok(ended) => ended.map(drop),
            Err(_) => {
                tracing::warn!("some calls did not end in time and are cut off");
                Ok(())
            }
        }
    }
}

impl Bound {
    async fn new(listen: Listen, protocols: &[&[u8]]) -> Result<Self> {
        let Listen { address, tls, token } = listen;
        let tls = tls.map(|tls| tls.acceptor(protocols)).transpose()?;
        let bind = |source| Error::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self { listener, address, tls, token })
    }
}

/// Flight and OTLP, side by side.
fn grpc_router<I: Intake>(intake: &Arc<I>, limits: &Limits, stopping: &watch::Receiver<bool>) -> Router {
    let flight = Flight { intake: Arc::clone(intake), limits: *limits, stopping: stopping.clone() };
    // What frames a message, and the names of its columns, do not count.
    let most = limits.message_bytes.saturating_add(1 << 20);
    let flight = FlightServiceServer::new(flight).max_decoding_message_size(most);
    let flight = Routes::new(flight.accept_compressed(CompressionEncoding::Gzip)).into_axum_router();
    flight.merge(grpc::router(Arc::clone(intake), limits))
}

async fn run(bound: Bound, router: Router, limits: Limits, mut stopping: watch::Receiver<bool>) -> Result<()> {
    let Bound { listener, address, tls, token } = bound;
    let router = router.layer(from_fn_with_state(Gate::new(token, &limits), admit));
    let stopped = async move { stopping.wait_for(|stopping| *stopping).map(drop).await };
    Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(u32::try_from(limits.calls).unwrap_or(u32::MAX))
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_adaptive_window(Some(true))
        .max_frame_size(FRAME_BYTES)
        .add_routes(Routes::from(router))
        .serve_with_incoming_shutdown(connection::incoming(listener, tls, &limits), stopped)
        .await
        .map_err(|source| Error::Serve { address, source })
}

async fn optional(server: Option<impl Future<Output = Result<()>>>) -> Result<()> {
    match server {
        Some(server) => server.await,
        None => Ok(()),
    }
}
