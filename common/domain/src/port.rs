//! What passes between a worker and the coordinator, as plain values.
//!
//! In one process these are handed over as they are; between processes `k2i-proto` carries them. The coordinator shows
//! each session the *whole* of what it should be doing ([`SessionView`]), and the worker reconciles itself with it: a
//! lost or repeated message changes nothing.

use std::collections::BTreeMap;

use crate::ids::{ChainKey, Epoch, Incarnation, Partition, SessionId, StreamIdentity, TableId, TableUuid};
use crate::range::{LeaderEpoch, Offset};

pub use crate::stops::{Decision, StopReason};

/// A stopped table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stopped {
    /// Why, by name.
    pub reason: StopReason,
    /// What exactly, where, and what to do.
    pub detail: String,
    /// The topic that it is about; `None` where it is about the table.
    pub topic: Option<String>,
}

impl Stopped {
    /// A stop that is about the table itself.
    #[must_use]
    pub fn new(reason: StopReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), topic: None }
    }

    /// The same, about one of its topics.
    #[must_use]
    pub fn of_topic(self, topic: impl Into<String>) -> Self {
        Self { topic: Some(topic.into()), ..self }
    }
}

/// One chain granted to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Epoch to submit under.
    pub epoch: Epoch,
    /// Accepted end: where to read from when this epoch is first seen.
    pub start: Offset,
    /// Leader epoch of the record directly before `start`; unknown where that position holds no record.
    pub leader_epoch: LeaderEpoch,
}

/// One table as a session should see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableView {
    /// The table's configured key, `namespace.table` unless several catalogs share it.
    pub name: String,
    /// Its UUID, once created or claimed.
    pub uuid: Option<TableUuid>,
    /// Its incarnation; 0 before the first claim.
    pub incarnation: Incarnation,
    /// Set when nothing may be read for it.
    pub stopped: Option<Stopped>,
    /// This session reports the table's topics ([`Observation`]).
    pub watch: bool,
    /// The streams that the table knows.
    pub streams: BTreeMap<crate::ids::StreamId, StreamIdentity>,
    /// Committed end of every chain: what lies below it may be trimmed and published.
    pub watermark: BTreeMap<ChainKey, Offset>,
    /// The chains that this session owns.
    pub grants: BTreeMap<ChainKey, Grant>,
}

/// Everything that one session should be doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionView {
    /// False once the session has ended: drop what is unsealed and register anew.
    pub alive: bool,
    /// The cluster's instance, part of every object name.
    pub instance: crate::ids::Instance,
    /// Its tables.
    pub tables: BTreeMap<TableId, TableView>,
}

/// Asks a session to end a table's cut at its positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    /// The table.
    pub table: TableId,
    /// Number of the tick, to be named in the answer.
    pub tick: u64,
}

/// What a stream's watcher saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The table that the stream feeds.
    pub table: TableId,
    /// The stream.
    pub identity: StreamIdentity,
    /// Log start and end (last stable offset) of each topic partition, ascending.
    pub partitions: Vec<(Partition, Offset, Offset)>,
    /// Iceberg schema as JSON, where the table does not exist and its schema was inferred or configured.
    pub schema: Option<String>,
}

/// The coordinator's word on a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitReply {
    /// Accepted now.
    Accepted,
    /// Accepted before, maybe committed since.
    AlreadyAccepted,
    /// Not now: send the same manifest again after this many milliseconds.
    Busy {
        /// How long to wait.
        retry_after_ms: u64,
    },
    /// The table is stopped.
    Stopped,
    /// Refused whole; each range says why, in the manifest's order.
    Refused(Vec<RangeReply>),
}

/// The coordinator's word on one range of a refused manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeReply {
    /// Nothing wrong with this one.
    Ok,
    /// A newer epoch exists, or the chain is another session's. Says nothing about acceptance.
    Fenced {
        /// The chain's epoch now.
        epoch: Epoch,
    },
    /// It does not start where the chain ends.
    Gap {
        /// The chain's accepted end.
        expected: Offset,
    },
}

/// A registration's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// The new session.
    pub session: SessionId,
}
