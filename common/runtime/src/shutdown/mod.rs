//! How a process ends: drain on the first signal, stop on the second, and tasks that say what their failure means.
//!
//! *Drain*: stop fetching, flush, submit, commit, leave. *Stop*: end at once; nothing is lost either, since the next
//! start goes on from durable state. Stop implies drain.

mod tasks;
#[cfg(test)]
mod tests;

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub use tasks::{TaskError, TaskResult, Tasks};

/// The two wishes of whoever ends the process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    stop: CancellationToken,
}

impl Shutdown {
    /// Nothing is wished yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process should finish its work and end.
    #[must_use]
    pub fn drain(&self) -> &CancellationToken {
        &self.drain
    }

    /// Cancelled when the process should end at once.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Asks for an orderly end.
    pub fn request_drain(&self) {
        self.drain.cancel();
    }

    /// Asks for an end at once.
    pub fn request_stop(&self) {
        self.drain.cancel();
        self.stop.cancel();
    }

    /// Obeys SIGTERM and SIGINT from now on: the first drains, the second stops. Runs until the process ends.
    ///
    /// # Errors
    /// When the system does not let signals be caught.
    pub fn obey_signals(&self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            next(&mut terminate, &mut interrupt).await;
            tracing::info!("draining: flush, commit, leave; a second signal stops at once");
            shutdown.request_drain();
            next(&mut terminate, &mut interrupt).await;
            tracing::warn!("stopping at once");
            shutdown.request_stop();
        });
        Ok(())
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
