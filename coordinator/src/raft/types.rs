//! The types with which openraft is used.
//!
//! A log entry carries its command as bytes, already encoded by the application. So a leader applies what was decoded
//! from the log, exactly like a follower or a replay, and a difference between the two cannot go unnoticed.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use openraft::impls::{BoxedErrorSource, InlineBatch, OneshotResponder, leader_id_adv};
use openraft::{AsyncRuntime, BasicNode, EntryPayload, OptionalSend, RaftTypeConfig};

use super::Application;

/// A member's id, never given to another member later, not even after this one was removed or wiped.
pub type NodeId = u64;

pub(super) type LeaderId = leader_id_adv::LeaderId<u64, NodeId>;
pub(super) type LogId = openraft::LogId<LeaderId>;
pub(super) type Vote = openraft::Vote<LeaderId>;
pub(super) type Membership = openraft::Membership<NodeId, BasicNode>;
pub(super) type StoredMembership = openraft::StoredMembership<LeaderId, NodeId, BasicNode>;
pub(super) type Payload = EntryPayload<CommandBytes, NodeId, BasicNode>;
pub(super) type Entry = openraft::Entry<LeaderId, Payload>;
pub(super) type SnapshotMeta = openraft::SnapshotMeta<LeaderId, NodeId, BasicNode>;
pub(super) type Snapshot = openraft::Snapshot<LeaderId, NodeId, BasicNode, Bytes>;

/// An encoded command.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandBytes(pub(super) Bytes);

impl fmt::Debug for CommandBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "command of {} bytes", self.0.len())
    }
}

impl fmt::Display for CommandBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One reign of one leader. Ordered: a later one is larger.
///
/// A term alone would not do, since openraft may have several leaders in one; this is the whole committed leader id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leadership {
    term: u64,
    node: NodeId,
}

impl Leadership {
    /// The member that leads.
    #[must_use]
    pub fn node(self) -> NodeId {
        self.node
    }
}

impl From<LeaderId> for Leadership {
    fn from(id: LeaderId) -> Self {
        Self { term: id.term, node: id.node_id }
    }
}

impl fmt::Display for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "term {} of node {}", self.term, self.node)
    }
}

/// openraft's type configuration for an application `A` on a runtime `R`.
pub struct Types<A, R>(PhantomData<fn() -> (A, R)>);

impl<A: Application, R: AsyncRuntime> RaftTypeConfig for Types<A, R> {
    type D = CommandBytes;
    /// `None` for openraft's own entries.
    type R = Option<A::Reply>;
    type NodeId = NodeId;
    type Node = BasicNode;
    type Term = u64;
    type LeaderId = LeaderId;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = R;
    type Responder<T>
        = OneshotResponder<Self, T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

// openraft asks for these; derived ones would ask them of `A` and `R` in turn.

impl<A, R> fmt::Debug for Types<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Types")
    }
}

impl<A, R> Clone for Types<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R> Copy for Types<A, R> {}

impl<A, R> Default for Types<A, R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A, R> PartialEq for Types<A, R> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<A, R> Eq for Types<A, R> {}

impl<A, R> PartialOrd for Types<A, R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<A, R> Ord for Types<A, R> {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}
