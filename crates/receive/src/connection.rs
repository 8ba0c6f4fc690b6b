//! How do connections come in, encrypted if they must be?

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tonic::transport::server::Connected;

use crate::Limits;

/// How long nothing is accepted after that failed, for example because too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection, with its place among those there may be.
pub(crate) struct Connection {
    bytes: Box<dyn Duplex>,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

/// Accepts connections. Handshakes run side by side, and whoever is slow or speaks no TLS holds up nobody.
pub(crate) fn incoming(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: &Limits,
) -> impl Stream<Item = io::Result<Connection>> + Send + use<> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let door = Door { listener, tls, places, patience: limits.patience, handshakes: FuturesUnordered::new() };
    futures::stream::unfold(door, |mut door| async move { Some((Ok(door.next().await), door)) })
}

struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    patience: Duration,
    handshakes: FuturesUnordered<BoxFuture<'static, Option<Connection>>>,
}

impl Door {
    async fn next(&mut self) -> Connection {
        loop {
            let (tcp, peer, place) = tokio::select! {
                Some(shaken) = self.handshakes.next(), if !self.handshakes.is_empty() => match shaken {
                    Some(connection) => return connection,
                    None => continue,
                },
                accepted = accept(&self.listener, &self.places) => accepted,
            };
            let connect = move |bytes| Connection { bytes, peer: Peer(peer), _place: place };
            let Some(tls) = &self.tls else { return connect(Box::new(tcp)) };
            let shake = timeout(self.patience, tls.accept(tcp));
            self.handshakes.push(Box::pin(async move { Some(connect(Box::new(shake.await.ok()?.ok()?))) }));
        }
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(places).acquire_owned().await else { std::future::pending().await };
        match listener.accept().await {
            Ok((tcp, peer)) => {
                // Answers are small, and somebody waits for them.
                let _ = tcp.set_nodelay(true);
                return (tcp, peer, place);
            }
            Err(problem) => {
                tracing::warn!(%problem, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.bytes).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.bytes).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.bytes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.bytes).poll_shutdown(cx)
    }
}
