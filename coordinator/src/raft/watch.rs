//! Waiting for the node to change.

use openraft::async_runtime::watch::{Watch, WatchReceiver};
use openraft::{AsyncRuntime, RaftMetrics};

use super::types::Types;
use super::{Application, Leadership};

type Receiver<R, T> = <<R as AsyncRuntime>::Watch as Watch>::Receiver<T>;

/// The node has ended: nothing will change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the raft node has ended")]
pub struct Closed;

/// Follows the index of the last applied entry.
pub struct AppliedWatch<R: AsyncRuntime> {
    applied: Receiver<R, u64>,
}

impl<R: AsyncRuntime> AppliedWatch<R> {
    pub(super) fn new(applied: Receiver<R, u64>) -> Self {
        Self { applied }
    }

    /// The index; 0 before the first entry, which has the index 0 too.
    #[must_use]
    pub fn get(&self) -> u64 {
        *self.applied.borrow_watched()
    }

    /// Waits until entries have been applied that this watch has not seen yet, and returns the index now. Several
    /// entries may come as one change. May be dropped and called again without missing one.
    pub async fn changed(&mut self) -> Result<u64, Closed> {
        self.applied.changed().await.map_err(|_| Closed)?;
        Ok(self.get())
    }
}

impl<R: AsyncRuntime> Clone for AppliedWatch<R> {
    fn clone(&self) -> Self {
        Self { applied: self.applied.clone() }
    }
}

/// Follows whether this node leads, as far as it knows.
///
/// It is a hint for starting and stopping work. It says nothing about other members, which may have elected another
/// leader already: before each act outside ask [`RaftNode::confirm_leadership`](super::RaftNode::confirm_leadership).
pub struct LeadershipWatch<A: Application, R: AsyncRuntime> {
    metrics: Receiver<R, RaftMetrics<Types<A, R>>>,
    seen: Option<Leadership>,
    ended: bool,
}

impl<A: Application, R: AsyncRuntime> LeadershipWatch<A, R> {
    pub(super) fn new(metrics: Receiver<R, RaftMetrics<Types<A, R>>>) -> Self {
        Self { metrics, seen: None, ended: false }
    }

    /// This node's leadership now; `None` while it does not lead.
    #[must_use]
    pub fn get(&self) -> Option<Leadership> {
        if self.ended {
            return None;
        }
        leadership(&self.metrics.borrow_watched())
    }

    /// Waits until the leadership differs from what the last call returned (at first: from `None`). May be dropped and
    /// called again without missing the newest value; one that came and went in between is not seen.
    pub async fn changed(&mut self) -> Result<Option<Leadership>, Closed> {
        loop {
            let now = self.get();
            if now != self.seen {
                self.seen = now;
                return Ok(now);
            }
            if self.ended {
                return Err(Closed);
            }
            // An end is first reported as a leadership that was lost.
            self.ended = self.metrics.changed().await.is_err();
        }
    }
}

impl<A: Application, R: AsyncRuntime> Clone for LeadershipWatch<A, R> {
    fn clone(&self) -> Self {
        Self { metrics: self.metrics.clone(), seen: self.seen, ended: self.ended }
    }
}

/// A leader whose vote is not yet on a majority's disks is not counted.
pub(super) fn leadership<A: Application, R: AsyncRuntime>(metrics: &RaftMetrics<Types<A, R>>) -> Option<Leadership> {
    let leads = metrics.running_state.is_ok() && metrics.state.is_leader() && metrics.vote.is_committed();
    leads.then(|| metrics.vote.leader_id.into())
}
