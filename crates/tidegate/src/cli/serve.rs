//! What can be typed after `tidegate serve`?

use std::net::SocketAddr;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where Arrow Flight and OTLP over gRPC are taken [default: 127.0.0.1:4317].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) grpc: Option<SocketAddr>,
    /// Where OTLP over HTTP is taken [default: 127.0.0.1:4318].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http: Option<SocketAddr>,
    /// Serve measurements to a Prometheus on this machine, at an address such as 127.0.0.1:9464.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
}
