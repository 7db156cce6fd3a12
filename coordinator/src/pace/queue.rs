//! The queue before one catalog: a token bucket, and who is next. No clock and no waiting: each answer is a function of
//! the queue and the time that it is given.
//!
//! - Whoever waits since the longest is next, whatever the others need: nobody is passed over for ever.
//! - The bucket is one instant, the one at which it will be full again. A request moves it one interval further away; so
//!   many intervals as it is away, so many tokens are missing.
//! - After a pause that the catalog asked for there is one token, not a bucketful: a server that was overrun is not
//!   overrun again by everybody who has waited.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A place in the queue: by age, and then by order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    since: Instant,
    number: u64,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nobody waits.
    Nobody,
    /// This one may send now.
    Now(Place),
    /// This one, but not before then.
    At(Place, Instant),
}

/// The queue before one catalog.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Between two requests at the steady pace.
    interval: Duration,
    /// Tokens of a full bucket.
    burst: u32,
    /// When the bucket is full; `None`: nothing was taken yet.
    full_at: Option<Instant>,
    /// Who waits, and for how many requests.
    waiting: BTreeMap<Place, u32>,
    last: u64,
}

impl Queue {
    /// A queue with a full bucket that holds a second's worth of requests, and at least `least`.
    pub(crate) fn new(per_second: u32, least: u32) -> Self {
        let per_second = per_second.max(1);
        Self {
            interval: Duration::from_secs(1) / per_second,
            burst: per_second.max(least),
            full_at: None,
            waiting: BTreeMap::new(),
            last: 0,
        }
    }

    /// Waits for a turn of so many requests, as one who waits since `since`.
    pub(crate) fn enter(&mut self, since: Instant, requests: u32) -> Place {
        self.last += 1;
        let place = Place { since, number: self.last };
        // More than a bucketful would wait for ever.
        self.waiting.insert(place, requests.min(self.burst));
        place
    }

    /// Gives the place up; `true` if it was still waiting.
    pub(crate) fn leave(&mut self, place: Place) -> bool {
        self.waiting.remove(&place).is_some()
    }

    /// The catalog wants no request before `until`.
    pub(crate) fn hold(&mut self, until: Instant) {
        self.postpone(until + self.interval * (self.burst - 1));
    }

    /// Whose turn it is.
    pub(crate) fn next(&self, now: Instant) -> Next {
        let Some((place, requests)) = self.waiting.first_key_value() else { return Next::Nobody };
        let spare = self.interval * (self.burst - requests);
        match self.full_at.filter(|full_at| *full_at > now + spare) {
            Some(full_at) => Next::At(*place, full_at - spare),
            None => Next::Now(*place),
        }
    }

    /// Takes the turn that [`Queue::next`] has given at `now`.
    pub(crate) fn take(&mut self, place: Place, now: Instant) {
        let Some(requests) = self.waiting.remove(&place) else { return };
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = Some(full_at + self.interval * requests);
    }

    /// Who waits since the longest.
    pub(crate) fn first(&self) -> Option<Place> {
        self.waiting.keys().next().copied()
    }

    /// Requests that those in the queue wait for, the next one's first.
    #[cfg(test)]
    pub(super) fn waiting_for(&self) -> Vec<u32> {
        self.waiting.values().copied().collect()
    }

    fn postpone(&mut self, full_at: Instant) {
        self.full_at = Some(self.full_at.map_or(full_at, |before| before.max(full_at)));
    }
}
