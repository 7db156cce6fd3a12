//! What a catalog asks for when it is overrun: no request before a certain time (`Retry-After`, RFC 9110, 10.2.3).
//!
//! The client that reads such an answer notes it here; whoever is about to send looks first. It is shared by everybody
//! who talks to one catalog in this process, and never reaches further ahead than [`LONGEST`]: a server that names a day
//! is asked again after minutes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// The longest pause that is obeyed.
pub const LONGEST: Duration = Duration::from_secs(300);

/// Until when a catalog wants no request. Cheap to clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct HoldOff(Arc<Mutex<Option<Instant>>>);

impl HoldOff {
    /// The end of the pause, if it is still to come.
    #[must_use]
    pub fn until(&self, now: Instant) -> Option<Instant> {
        self.lock().filter(|until| now < *until)
    }

    /// No request for `pause` from `now`. A pause that ends earlier than one that was asked for before changes nothing.
    pub fn extend(&self, now: Instant, pause: Duration) {
        let until = now + pause.min(LONGEST);
        let mut known = self.lock();
        *known = Some(known.map_or(until, |before| before.max(until)));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        // One word: it is whole whatever happened elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause that an answer asks for: only with "too many requests" and "unavailable", as seconds or as a date. A date
/// that has passed, and a text that is neither, ask for none.
pub(super) fn asked_for(status: u16, retry_after: Option<&str>, now: SystemTime) -> Option<Duration> {
    let text = retry_after.filter(|_| matches!(status, 429 | 503))?.trim();
    let pause = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long pause all the same.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).ok()?
    };
    Some(pause.min(LONGEST)).filter(|pause| !pause.is_zero())
}
