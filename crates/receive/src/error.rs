//! Why does the server not start?

use std::net::SocketAddr;

/// The result of starting or running the servers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the servers did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Others could reach the listener, and nothing protects it.
    #[error("`{address}` can be reached from other machines and has no {missing}: give it one, or listen on 127.0.0.1")]
    Unprotected {
        /// The address.
        address: SocketAddr,
        /// What it lacks.
        missing: &'static str,
    },
    /// A token that could be guessed, or that no header can carry.
    #[error(
        "a token has at least {shortest} printable ASCII characters without spaces: make one with `openssl rand -hex 32`"
    )]
    WeakToken {
        /// The least number of characters.
        shortest: usize,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: {source}; choose another address, or end what listens there")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The certificate or the key cannot be used.
    #[error("TLS cannot use the {what}: {problem}; give it as PEM")]
    Tls {
        /// Which of the files.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A server ended before it was told to.
    #[error("the server on `{address}` failed: {source}")]
    Serve {
        /// Its address.
        address: SocketAddr,
        /// What it said.
        source: tonic::transport::Error,
    },
}

impl Error {
    /// A code that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unprotected { .. } => "TG770",
            Self::Bind { .. } | Self::Serve { .. } => "TG771",
            Self::Tls { .. } => "TG772",
            Self::WeakToken { .. } => "TG773",
        }
    }
}
