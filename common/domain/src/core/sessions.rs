//! Which sessions live, by the leader's clock.

use std::collections::BTreeMap;

use crate::ids::{SessionId, Timestamp};
use crate::state::State;

/// When each session was last heard of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Sessions {
    seen: BTreeMap<SessionId, Timestamp>,
}

impl Sessions {
    /// Time stood still for this process, so silence meanwhile says nothing: every session gets the whole time again.
    pub(super) fn forgive(&mut self, now: Timestamp) {
        self.seen.values_mut().for_each(|at| *at = now);
    }

    pub(super) fn seen(&mut self, session: SessionId, now: Timestamp) {
        self.seen.insert(session, now);
    }

    /// Live sessions that were silent for `timeout_ms`. One that a new leader has not heard of yet gets the whole time.
    pub(super) fn expired(&mut self, now: Timestamp, state: &State, timeout_ms: i64) -> Vec<SessionId> {
        self.seen.retain(|session, _| state.is_live(*session));
        for session in state.live_sessions() {
            self.seen.entry(session).or_insert(now);
        }
        self.seen.iter().filter(|(_, at)| now >= at.plus_ms(timeout_ms)).map(|(session, _)| *session).collect()
    }

    /// When the next session falls silent, apart from those that are being ended already.
    pub(super) fn deadline(&self, timeout_ms: i64, ending: impl Fn(SessionId) -> bool) -> Option<Timestamp> {
        self.seen.iter().filter(|(session, _)| !ending(**session)).map(|(_, at)| at.plus_ms(timeout_ms)).min()
    }
}
