//! Waiting with a limit.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(25);

/// What one look at a condition found.
pub enum Look<T> {
    /// It holds.
    Done(T),
    /// Not yet; what was seen instead.
    NotYet(String),
}

/// Looks until `look` is done.
///
/// # Errors
/// `look` failed, or `limit` passed; the message then says what was waited for and what was last seen.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<Look<T>>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        match look()? {
            Look::Done(value) => return Ok(value),
            Look::NotYet(seen) if Instant::now() >= deadline => {
                bail!("waited {} s for {what}, last saw: {seen}", limit.as_secs_f32())
            }
            Look::NotYet(_) => thread::sleep(PAUSE),
        }
    }
}
