//! How fast one catalog is asked: all its tables wait in one queue, the oldest round first.
//!
//! ```text
//! table a ─ load ─┐
//! table b ─ post ─┼─▶ queue (token bucket, pauses that the catalog asked for) ─▶ catalog
//! table c ─ load ─┘
//! ```
//!
//! Deciding is [`queue`]'s; here is the waiting. There is no task of its own: whoever is first in the queue sleeps until
//! its turn, and wakes the next one when it goes. Catalogs have queues of their own, so none waits for another.

mod queue;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k2i_lakehouse::catalog::HoldOff;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use queue::{Next, Place, Queue};

/// Requests of the effects that ask a catalog: a load and a commit are one, a creation looks for the namespace, makes it,
/// stages the table and creates it.
pub(crate) const LOAD: u32 = 1;
pub(crate) const POST: u32 = 1;
pub(crate) const CREATE: u32 = 4;

/// The pace of one catalog. Cheap to clone; clones share the queue.
#[derive(Debug, Clone)]
pub struct CatalogPace {
    hold_off: HoldOff,
    waiting: Arc<Mutex<Waiting>>,
}

/// Bounded by the tables of the catalog: each has one effect at a time.
#[derive(Debug)]
struct Waiting {
    queue: Queue,
    wake: BTreeMap<Place, Arc<Notify>>,
}

impl CatalogPace {
    /// At most so many requests a second (0 counts as 1), of which a second's worth may come at once, and none during a
    /// pause that `hold_off` knows of.
    #[must_use]
    pub fn new(requests_per_second: u32, hold_off: HoldOff) -> Self {
        let waiting = Waiting { queue: Queue::new(requests_per_second, CREATE), wake: BTreeMap::new() };
        Self { hold_off, waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// Waits for a turn of so many requests, as one who waits since `since`. Dropping it gives the place up.
    pub(crate) async fn turn(&self, since: Instant, requests: u32) {
        let wake = Arc::new(Notify::new());
        let ticket = self.enter(since, requests, Arc::clone(&wake));
        while let Some(at) = ticket.look() {
            tokio::select! {
                () = sleep_until_some(at) => {}
                () = wake.notified() => {}
            }
        }
    }

    fn enter(&self, since: Instant, requests: u32, wake: Arc<Notify>) -> Ticket<'_> {
        let mut waiting = self.lock();
        let place = waiting.queue.enter(since, requests);
        waiting.wake.insert(place, wake);
        Ticket { pace: self, place }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Queue and wakers are changed together, by code that does not panic in between.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Whoever is first now looks for itself when its turn comes.
    fn gone(&mut self, place: Place) {
        self.wake.remove(&place);
        if let Some(first) = self.queue.first().and_then(|first| self.wake.get(&first)) {
            first.notify_one();
        }
    }
}

/// A place in the queue, given up when it is dropped.
struct Ticket<'a> {
    pace: &'a CatalogPace,
    place: Place,
}

impl Ticket<'_> {
    /// `None`: the turn has come and was taken. Else when to look again; `Some(None)`: when woken.
    fn look(&self) -> Option<Option<Instant>> {
        let now = Instant::now();
        let mut waiting = self.pace.lock();
        if let Some(until) = self.pace.hold_off.until(now) {
            waiting.queue.hold(until);
        }
        match waiting.queue.next(now) {
            Next::Now(place) if place == self.place => {
                waiting.queue.take(place, now);
                waiting.gone(place);
                None
            }
            Next::At(place, at) if place == self.place => Some(Some(at)),
            Next::Now(_) | Next::At(..) | Next::Nobody => Some(None),
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut waiting = self.pace.lock();
        if waiting.queue.leave(self.place) {
            waiting.gone(self.place);
        }
    }
}

async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
