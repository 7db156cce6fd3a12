//! Time for the coordinator: wall-clock milliseconds that never go back within a process.
//!
//! Sessions expire by it, so a step of the wall clock must not look like ten silent seconds. It is read from the wall
//! clock once and moves with the monotonic one from there.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use k2i_domain::ids::Timestamp;

/// A monotonic clock that started at the wall clock's time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts at the wall clock's time.
    #[must_use]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| millis(since.as_millis()));
        Self { wall: Timestamp(wall), started: Instant::now() }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall.plus_ms(millis(self.started.elapsed().as_millis()))
    }
}

fn millis(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
