//! Was this process told to end?

use std::time::Duration;

use tidegate_stream::Stop;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::failure::{Failure, Result};

/// Listens for SIGINT and SIGTERM. The first asks the engine to stop, and what is in memory is finished; the second
/// ends the process at once.
pub(crate) struct Signals {
    asked: watch::Receiver<Option<&'static str>>,
    /// Dropping it stops listening.
    _listener: JoinSet<()>,
}

impl Signals {
    pub(crate) fn listen(stop: Stop) -> Result<Self> {
        let mut received = Received::new().map_err(|error| Failure::io("listen for", "signals", &error))?;
        let (sender, asked) = watch::channel(None);
        let mut listener = JoinSet::new();
        listener.spawn(async move {
            let (name, _) = received.next().await;
            stop.ask();
            // Nobody may be waiting for it.
            let _ = sender.send(Some(name));
            let (_, code) = received.next().await;
            std::process::exit(code);
        });
        Ok(Self { asked, _listener: listener })
    }

    /// The signal that came, if any.
    pub(crate) fn asked(&self) -> Option<&'static str> {
        *self.asked.borrow()
    }

    /// Waits until a signal comes.
    pub(crate) async fn wait(&mut self) {
        // Without a listener none can come any more.
        let _ = self.asked.wait_for(Option::is_some).await;
    }

    /// Waits for `duration`, or until a signal comes.
    pub(crate) async fn pause(&mut self, duration: Duration) {
        if self.asked().is_none() {
            let _ = tokio::time::timeout(duration, self.asked.changed()).await;
        }
    }
}

#[cfg(unix)]
struct Received {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Received {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next signal, and the exit code of a process that it ends.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", 130),
            _ = self.terminate.recv() => ("SIGTERM", 143),
        }
    }
}

#[cfg(not(unix))]
struct Received;

#[cfg(not(unix))]
impl Received {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> (&'static str, i32) {
        let _ = tokio::signal::ctrl_c().await;
        ("Ctrl-C", 130)
    }
}
