//! The tasks of a process: each has a name, and says what its failure means.
//!
//! A task runs until it is asked to end. One that ends before, fails or panics is either *critical* (the process ends
//! with its error) or *restarted*, with backoff and a bound after which it is critical too.

use std::error::Error;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shutdown;
use crate::retry::RetryPolicy;

/// How long tasks may take to end once the process stops.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// A restarted task that ran this long has recovered: its attempts count anew.
const RECOVERED_AFTER: Duration = Duration::from_secs(60);

/// What a task ends with.
pub type TaskResult = Result<(), Box<dyn Error + Send + Sync>>;

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A task failed.
    #[error("{task} failed")]
    Failed {
        /// The task.
        task: &'static str,
        /// Its error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A task panicked: a broken invariant.
    #[error("{task} panicked: {message}")]
    Panicked {
        /// The task.
        task: &'static str,
        /// What it said.
        message: String,
    },
    /// A task ended although nobody had asked.
    #[error("{task} ended before it was asked to")]
    Ended {
        /// The task.
        task: &'static str,
    },
    /// A task did not end in time after the process was stopped.
    #[error("{count} tasks did not end within {grace:?} of being stopped")]
    Stuck {
        /// How many.
        count: usize,
        /// How long they had.
        grace: Duration,
    },
}

/// The tasks of a process. Dropping this aborts them.
#[derive(Debug)]
pub struct Tasks {
    shutdown: Shutdown,
    running: JoinSet<Result<(), TaskError>>,
    pub(super) grace: Duration,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, running: JoinSet::new(), grace: STOP_GRACE }
    }

    /// Starts a task whose failure ends the process.
    pub fn critical(&mut self, name: &'static str, task: impl Future<Output = TaskResult> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.running.spawn(async move { attempt(name, task, &shutdown).await });
    }

    /// Starts a task that `make` makes anew after each failure, with backoff; it is critical once the policy's attempts
    /// in a row are used up.
    pub fn restarting<F>(
        &mut self,
        name: &'static str,
        policy: RetryPolicy,
        seed: u64,
        make: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = TaskResult> + Send + 'static,
    {
        let shutdown = self.shutdown.clone();
        self.running.spawn(restart(name, policy, seed, make, shutdown));
    }

    /// Waits until every task has ended. The first failure stops the others and is the result.
    ///
    /// # Errors
    /// The first failure.
    pub async fn run(mut self) -> Result<(), TaskError> {
        let mut result = Ok(());
        let stop = self.shutdown.stop().clone();
        loop {
            let ended = tokio::select! {
                ended = self.running.join_next() => ended,
                () = grace_over(&stop, self.grace) => {
                    let stuck = TaskError::Stuck { count: self.running.len(), grace: self.grace };
                    return result.and(Err(stuck));
                }
            };
            let Some(ended) = ended else { return result };
            // The tasks of the set catch their own panics, so only an abort could end one otherwise.
            let ended = ended.unwrap_or_else(|error| Err(panicked("a task", error)));
            if let Err(error) = ended {
                tracing::error!(error = &error as &dyn Error, "a task ended the process");
                self.shutdown.request_stop();
                result = result.and(Err(error));
            }
        }
    }
}

/// Ends once the process was stopped and nothing has ended for `grace` since.
async fn grace_over(stop: &CancellationToken, grace: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(grace).await;
}

/// Runs a task to its end; a panic becomes an error, and so does an end that nobody asked for.
async fn attempt(
    name: &'static str,
    task: impl Future<Output = TaskResult> + Send + 'static,
    shutdown: &Shutdown,
) -> Result<(), TaskError> {
    let mut inner = JoinSet::new();
    inner.spawn(task);
    match inner.join_next().await {
        Some(Ok(Ok(()))) if shutdown.drain().is_cancelled() => Ok(()),
        Some(Ok(Ok(()))) | None => Err(TaskError::Ended { task: name }),
        Some(Ok(Err(source))) => Err(TaskError::Failed { task: name, source }),
        Some(Err(error)) => Err(panicked(name, error)),
    }
}

async fn restart<F>(
    name: &'static str,
    policy: RetryPolicy,
    seed: u64,
    mut make: impl FnMut() -> F + Send + 'static,
    shutdown: Shutdown,
) -> Result<(), TaskError>
where
    F: Future<Output = TaskResult> + Send + 'static,
{
    let mut delays = policy.delays(seed);
    loop {
        let started = Instant::now();
        let Err(error) = attempt(name, make(), &shutdown).await else { return Ok(()) };
        if shutdown.drain().is_cancelled() {
            tracing::warn!(task = name, error = &error as &dyn Error, "task failed while ending");
            return Ok(());
        }
        if started.elapsed() >= RECOVERED_AFTER {
            delays = policy.delays(seed);
        }
        let Some(delay) = delays.next() else { return Err(error) };
        let restart_in_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(task = name, error = &error as &dyn Error, restart_in_ms, "task failed, will start again");
        tokio::select! {
            () = shutdown.drain().cancelled() => return Ok(()),
            () = tokio::time::sleep(delay) => {}
        }
    }
}

fn panicked(task: &'static str, error: JoinError) -> TaskError {
    let message = match error.try_into_panic() {
        Ok(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => {
                payload.downcast::<&'static str>().map_or("no message".to_owned(), |text| (*text).to_owned())
            }
        },
        Err(error) => error.to_string(),
    };
    TaskError::Panicked { task, message }
}
