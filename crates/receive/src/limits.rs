//! How much may one sender, and may all of them, ask for at once?

use std::time::Duration;

/// What is taken at most. Memory for what is being received stays below about `calls` times three `message_bytes`: as it
/// is read, without its compression, and decoded. What is taken in is the [`Intake`](crate::Intake)'s to bound.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The bytes of one message, before and after it is decompressed: one batch of Flight, one request of OTLP.
    pub message_bytes: usize,
    /// The rows of one batch.
    pub batch_rows: usize,
    /// The batches of one Flight call that may wait to be landed.
    pub batches_in_flight: usize,
    /// Calls at once, on one listener.
    pub calls: usize,
    /// Connections at once, on one listener. More wait to be accepted.
    pub connections: usize,
    /// What whoever comes beyond `calls` is told to wait.
    pub retry_after: Duration,
    /// How long a handshake, the body of a request over HTTP, or an OTLP call may take.
    pub patience: Duration,
    /// How long calls are waited for when the server stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 16 << 20,
            batch_rows: 4 << 20,
            batches_in_flight: 1024,
            calls: 64,
            connections: 1024,
            retry_after: Duration::from_secs(1),
            patience: Duration::from_secs(60),
            grace: Duration::from_secs(30),
        }
    }
}
