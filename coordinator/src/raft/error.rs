//! What can go wrong with a node, by what the caller may do next.

use std::io;
use std::path::PathBuf;

use k2i_runtime::store::StoreError;
use openraft::errors::{ClientWriteError, Fatal, LinearizableReadError, RaftError};

use super::types::Types;
use super::{Application, NodeId};

/// Why a node cannot be opened. What the folder held is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log: in use by another process, damaged, or not to be opened ([`StoreError`] tells them apart).
    #[error(transparent)]
    Log(#[from] StoreError),
    /// The folder is another cluster's.
    #[error("{} belongs to the cluster {found:?}, not to {expected:?}: use another data folder", path.display())]
    OtherCluster {
        /// The data folder.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// The name configured.
        expected: String,
    },
    /// The folder is another node's.
    #[error("{} belongs to node {found}, not to node {expected}: use another data folder", path.display())]
    OtherNode {
        /// The data folder.
        path: PathBuf,
        /// Whose it is.
        found: NodeId,
        /// The id configured.
        expected: NodeId,
    },
    /// A later release wrote the folder.
    #[error("{} is in format {found}, this release reads up to {supported}: use the newer release", path.display())]
    NewerFormat {
        /// The data folder.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest known here.
        supported: u64,
    },
    /// Something in the folder is missing or does not match its checksum. Opening again gives the same: set the folder
    /// aside, or restore it.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The data folder.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Settings that contradict each other.
    #[error("impossible raft settings: {0}")]
    Config(String),
    /// Reading or writing the folder failed.
    #[error("cannot use the data folder {}: {source}", path.display())]
    Io {
        /// The data folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// openraft did not start.
    #[error("raft does not start: {0}")]
    Start(String),
}

impl OpenError {
    /// True if the content is damaged, so that setting the folder aside helps and trying again does not.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Log(StoreError::Damaged { .. }))
    }

    /// Tells damage from the rest.
    pub(super) fn io(path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        match source.downcast::<StoreError>() {
            Ok(log) => Self::Log(log),
            Err(source) if source.kind() == io::ErrorKind::InvalidData => {
                Self::Damaged { path, detail: source.to_string() }
            }
            Err(source) => Self::Io { path, source },
        }
    }
}

/// Why a proposal has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Certainly not applied: this node may not append. Propose at the leader.
    #[error("this node does not lead")]
    NotLeader {
        /// Who does, as far as known.
        leader: Option<NodeId>,
    },
    /// Certainly not applied: the command is too long.
    #[error("the command is {bytes} bytes long, {limit} are allowed")]
    TooLarge {
        /// Its encoded length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Perhaps applied, perhaps later: read back before proposing it again.
    #[error("whether the command is applied is unknown: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
    /// Perhaps applied, and the node has ended ([`RaftNode::stopped`](super::RaftNode::stopped) says why). The process
    /// should end too and start from the disk.
    #[error("whether the command is applied is unknown, and the raft node has ended: {reason}")]
    Stopped {
        /// Why it ended.
        reason: String,
    },
}

impl ProposeError {
    /// True if the command was not applied and never will be by this proposal.
    #[must_use]
    pub fn is_certainly_not_applied(&self) -> bool {
        match self {
            Self::NotLeader { .. } | Self::TooLarge { .. } => true,
            Self::Unknown { .. } | Self::Stopped { .. } => false,
        }
    }

    pub(super) fn timed_out() -> Self {
        Self::Unknown { reason: "no answer in time".to_owned() }
    }
}

impl<A: Application, R: openraft::AsyncRuntime> From<RaftError<Types<A, R>, ClientWriteError<Types<A, R>>>>
    for ProposeError
{
    fn from(error: RaftError<Types<A, R>, ClientWriteError<Types<A, R>>>) -> Self {
        match error {
            // Refused before it was appended, also for a lease that ran out or a leadership being handed over.
            RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
                Self::NotLeader { leader: forward.leader_id }
            }
            RaftError::APIError(discarded @ ClientWriteError::LogEntryDiscarded(_)) => {
                Self::Unknown { reason: discarded.to_string() }
            }
            // Neither can happen to a plain command. Unknown is the answer that is never wrong.
            RaftError::APIError(
                other @ (ClientWriteError::ChangeMembershipError(_) | ClientWriteError::PreconditionFailed(_)),
            ) => Self::Unknown { reason: other.to_string() },
            RaftError::Fatal(fatal) => Self::Stopped { reason: fatal.to_string() },
        }
    }
}

/// Why leadership is not confirmed. In each case nothing may be done that needs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmError {
    /// This node does not lead.
    #[error("this node does not lead")]
    NotLeader {
        /// Who does, as far as known.
        leader: Option<NodeId>,
    },
    /// Too few members answered in time. It may lead or not.
    #[error("leadership cannot be confirmed: {reason}")]
    Unconfirmed {
        /// What happened.
        reason: String,
    },
    /// The node has ended.
    #[error("the raft node has ended: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
}

impl<A: Application, R: openraft::AsyncRuntime> From<RaftError<Types<A, R>, LinearizableReadError<Types<A, R>>>>
    for ConfirmError
{
    fn from(error: RaftError<Types<A, R>, LinearizableReadError<Types<A, R>>>) -> Self {
        match error {
            RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)) => {
                Self::NotLeader { leader: forward.leader_id }
            }
            RaftError::APIError(few @ LinearizableReadError::QuorumNotEnough(_)) => {
                Self::Unconfirmed { reason: few.to_string() }
            }
            RaftError::Fatal(fatal) => Self::Stopped { reason: fatal.to_string() },
        }
    }
}

/// How a node ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody shut it down.
    Shutdown,
    /// Its storage failed, or it met something that must not be. The process should end and start from the disk.
    Failed(String),
}

impl<A: Application, R: openraft::AsyncRuntime> From<Fatal<Types<A, R>>> for Stop {
    fn from(fatal: Fatal<Types<A, R>>) -> Self {
        match fatal {
            Fatal::Stopped => Self::Shutdown,
            failed @ (Fatal::StorageError(_) | Fatal::Panicked) => Self::Failed(failed.to_string()),
        }
    }
}
