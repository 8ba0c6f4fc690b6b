//! How do measurements reach a Prometheus?

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tiny_http::{Header, Method, Response, Server};

use crate::failure::{Failure, Result};

/// Serves measurements until it is dropped.
pub(crate) struct Exporter {
    server: Arc<Server>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Listens at `address`, which nobody reaches from another machine.
    pub(crate) fn serve(address: SocketAddr, registry: Registry) -> Result<Self> {
        if !address.ip().is_loopback() {
            let cause = format!("metrics are served on this machine alone, and {address} is not loopback");
            return Err(Failure::usage("TG305", cause, "write --metrics 127.0.0.1:9464"));
        }
        let server = Server::http(address).map_err(|error| {
            let cause = format!("cannot serve metrics at {address}: {error}");
            Failure::infrastructure("TG500", cause, "choose another port, or 0 for one that is free")
        })?;
        let server = Arc::new(server);
        eprintln!("metrics at http://{}/metrics", server.server_addr());
        let listener = Arc::clone(&server);
        let thread = std::thread::spawn(move || answer(&listener, &registry));
        Ok(Self { server, thread: Some(thread) })
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            // A panic there was told there; the work of this process is not its own.
            let _ = thread.join();
        }
    }
}

fn answer(server: &Server, registry: &Registry) {
    for request in server.incoming_requests() {
        let known = request.url() == "/metrics" && *request.method() == Method::Get;
        let mut text = String::new();
        let response = if known && encode(&mut text, registry).is_ok() {
            let response = Response::from_string(text);
            let header = "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8".parse::<Header>();
            header.into_iter().fold(response, Response::with_header)
        } else {
            Response::from_string("see /metrics\n").with_status_code(404)
        };
        // Who asked may have gone.
        let _ = request.respond(response);
    }
}
