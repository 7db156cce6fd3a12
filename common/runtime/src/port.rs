//! The port between a worker and the coordinator: the same trait in one process and between processes.
//!
//! The coordinator shows each session the whole of what it should be doing ([`Registration::view`]), and asks for cuts
//! ([`Registration::cuts`]). Both may be lost or repeated without harm: the view is state, not a message, and an
//! unanswered cut only delays a commit. Everything that a worker says goes through [`CoordinatorPort`]; each call may be
//! made again after [`PortError::Unavailable`], since the coordinator recognises what it has already taken.

use async_trait::async_trait;
use k2i_domain::ids::{SessionId, TableId, WorkerId};
use k2i_domain::manifest::Manifest;
use k2i_domain::port::{Cut, Observation, SessionView, Stopped, SubmitReply};
use tokio::sync::{mpsc, watch};

/// Cuts that may wait for a session to take them; a tick that finds the queue full is skipped, and the next one covers it.
pub const CUT_QUEUE: usize = 1024;

/// One session as the worker holds it.
///
/// The session has ended when the view says `alive == false` or when its sender is gone (`changed()` fails): drop what
/// is unsealed and register anew.
#[derive(Debug)]
pub struct Registration {
    /// The new session; the worker id's earlier session has ended.
    pub session: SessionId,
    /// What the session should be doing, whole. Read it once at the start: the first value counts as seen.
    pub view: watch::Receiver<SessionView>,
    /// Requests to end a cut, in order, bounded by [`CUT_QUEUE`].
    pub cuts: mpsc::Receiver<Cut>,
}

/// Why a call to the coordinator did not get its answer. Each variant says what the caller may do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Another node leads, or none is known: the call had no effect here. The same again, with backoff, at the leader.
    #[error("this coordinator does not lead{}", leader_hint(.leader))]
    NotLeader {
        /// Address of the leader, where known.
        leader: Option<String>,
    },
    /// No answer: the call may or may not have been taken. The same again, with backoff.
    #[error("coordinator unavailable: {0}")]
    Unavailable(String),
    /// The session is not known or has ended: drop what is unsealed and register anew.
    #[error("session {0} has ended")]
    SessionEnded(SessionId),
    /// Refused for good; asking again gives the same answer. For a person, or a bug.
    #[error("refused by the coordinator: {0}")]
    Rejected(String),
}

impl PortError {
    /// True when the same call should be made again after a wait.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotLeader { .. } | Self::Unavailable(_) => true,
            Self::SessionEnded(_) | Self::Rejected(_) => false,
        }
    }
}

fn leader_hint(leader: &Option<String>) -> String {
    leader.as_ref().map_or_else(String::new, |address| format!(", {address} does"))
}

/// What a worker may ask of the coordinator. Every call is safe to repeat.
#[async_trait]
pub trait CoordinatorPort: Send + Sync + 'static {
    /// Opens a session for `worker` and ends its earlier one at once.
    async fn register(&self, worker: WorkerId) -> Result<Registration, PortError>;

    /// Reports what a stream's watcher saw, and the schema where the table is still to be made.
    async fn observe(&self, session: SessionId, observation: Observation) -> Result<(), PortError>;

    /// Submits one cut. After [`PortError::Unavailable`] the *same* manifest is sent again under the same sequence.
    async fn submit(&self, manifest: Manifest) -> Result<SubmitReply, PortError>;

    /// Answers a cut for which there was nothing to submit.
    async fn answer_cut(&self, session: SessionId, cut: Cut) -> Result<(), PortError>;

    /// Stops a table, for a reason that only the worker can see (a record, a retention gap, a recreated topic).
    async fn stop_table(&self, session: SessionId, table: TableId, stopped: Stopped) -> Result<(), PortError>;

    /// Keeps the session alive; due well within the coordinator's session time-out.
    async fn heartbeat(&self, session: SessionId) -> Result<(), PortError>;

    /// Ends the session after a drain: its chains are free at once.
    async fn leave(&self, session: SessionId) -> Result<(), PortError>;
}
