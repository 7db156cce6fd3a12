//! Bounded exponential backoff with jitter.
//!
//! The delays come from `backon`; the seed is an argument, so that a simulation replays. Every retry is bounded by a
//! number of attempts, by a cancellation, or by both, and each failure is logged with its reason.

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio_util::sync::CancellationToken;

/// How often, and how long between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Shortest first delay. Each delay is jittered to between once and twice its nominal length.
    pub first: Duration,
    /// No delay is longer.
    pub longest: Duration,
    /// Attempts in all, at least 1; `None`: until cancelled.
    pub attempts: Option<usize>,
}

impl RetryPolicy {
    /// For servers that may be away for long: from 200 ms to 10 s, until cancelled.
    pub const UNTIL_CANCELLED: Self =
        Self { first: Duration::from_millis(200), longest: Duration::from_secs(10), attempts: None };

    /// The delays between attempts. The same seed gives the same delays.
    #[must_use]
    pub fn delays(&self, seed: u64) -> Delays {
        // Jitter adds up to the delay itself, so half of the longest keeps the sum within it.
        let builder = ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest / 2)
            .with_jitter()
            .with_jitter_seed(seed);
        let builder = match self.attempts {
            Some(attempts) => builder.with_max_times(attempts.saturating_sub(1)),
            None => builder.without_max_times(),
        };
        Delays { backoff: builder.build(), longest: self.longest }
    }
}

/// Delays between attempts; ends when the attempts are used up.
#[derive(Debug)]
pub struct Delays {
    backoff: ExponentialBackoff,
    longest: Duration,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.backoff.next().map(|delay| delay.min(self.longest))
    }
}

/// Why [`retry`] gave up.
#[derive(Debug, thiserror::Error)]
pub enum RetryError<E> {
    /// The last attempt's error: not retryable, or the attempts are used up.
    #[error(transparent)]
    Failed(E),
    /// Cancelled while waiting or trying.
    #[error("cancelled")]
    Cancelled,
}

/// Calls `attempt` until it succeeds, fails for good, runs out of attempts, or is cancelled. `what` names the work in
/// the log.
///
/// # Errors
/// See [`RetryError`].
pub async fn retry<T, E, F>(
    what: &'static str,
    policy: RetryPolicy,
    seed: u64,
    cancel: &CancellationToken,
    is_retryable: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> F,
) -> Result<T, RetryError<E>>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
{
    let mut delays = policy.delays(seed);
    loop {
        let result = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(RetryError::Cancelled),
            result = attempt() => result,
        };
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) if is_retryable(&error) => error,
            Err(error) => return Err(RetryError::Failed(error)),
        };
        let Some(delay) = delays.next() else {
            return Err(RetryError::Failed(error));
        };
        tracing::warn!(what, %error, retry_in_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), "will try again");
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(RetryError::Cancelled),
            () = tokio::time::sleep(delay) => {}
        }
    }
}
