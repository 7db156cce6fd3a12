//! One table's part of the replicated state: its chains, what is staged for it, and what it is known to hold.

use std::collections::{BTreeMap, VecDeque};

use super::command::TableSpec;
use crate::ids::{
    AcceptanceNumber, ChainKey, Epoch, Incarnation, Sequence, SequenceNumber, SessionId, SnapshotId, StreamId,
    StreamIdentity, TableUuid, Timestamp,
};
use crate::manifest::Manifest;
use crate::port::Stopped;
use crate::range::{LeaderEpoch, Offset};

/// Where a stream begins when nothing of it has been read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StartAt {
    /// The log's start.
    Earliest,
    /// The log's end at first sight.
    Latest,
}

/// Where a chain stands in the table itself; one entry of the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// Next offset: every record below it is in the table once.
    pub offset: Offset,
    /// Kafka leader epoch of the record directly before it; unknown where that position holds no record.
    pub leader_epoch: LeaderEpoch,
    /// `from`, `to` and rows of the last committed range that had rows; all 0 before the first.
    pub last: (Offset, Offset, u64),
}

impl Mark {
    /// A chain that starts at `offset` and has given no row.
    #[must_use]
    pub fn start(offset: Offset) -> Self {
        Self { offset, leader_epoch: LeaderEpoch::UNKNOWN, last: (Offset(0), Offset(0), 0) }
    }
}

/// The accepted ranges of one topic partition, as far as the state must know them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chain {
    /// Committed end.
    pub mark: Mark,
    /// End of the last accepted range; never below the committed end.
    pub accepted_end: Offset,
    /// Leader epoch of the record directly before the accepted end; unknown where that position holds no record.
    pub leader_epoch: LeaderEpoch,
    /// Fencing number.
    pub epoch: Epoch,
    /// The session that reads it.
    pub owner: Option<SessionId>,
    /// The owner was asked to finish and hand over.
    pub revoking: bool,
}

impl Chain {
    /// An unowned chain at `mark`.
    #[must_use]
    pub fn at(mark: Mark) -> Self {
        Self {
            mark,
            accepted_end: mark.offset,
            leader_epoch: mark.leader_epoch,
            epoch: Epoch(0),
            owner: None,
            revoking: false,
        }
    }
}

/// A manifest that was accepted and is not known to be committed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Accepted {
    /// Its place in the order of acceptance.
    pub number: AcceptanceNumber,
    /// When it was accepted, by the proposer's clock.
    pub at: Timestamp,
    /// The manifest.
    pub manifest: Manifest,
}

/// A commit that was begun: a request under this snapshot id may be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Begun {
    /// The head that it asserts.
    pub base: Option<SnapshotId>,
    /// The table's last sequence number at that head.
    pub base_sequence: SequenceNumber,
    /// The last manifest that it holds; unchanged from the last record for empty commits.
    pub upto: AcceptanceNumber,
}

/// The newest own commit that was read back from the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recorded {
    /// The snapshot that the property names.
    pub snapshot: SnapshotId,
    /// The table's last sequence number at that load.
    pub sequence: SequenceNumber,
}

/// What a cluster may do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Life {
    /// Never recorded: to be created, claimed or adopted.
    New,
    /// A new incarnation whose fence has not been seen in the table. `adopting`: there is no record of our own behind
    /// it, so a newer watermark of the life before is taken over again.
    Fencing {
        /// See above.
        adopting: bool,
    },
    /// A new incarnation that a person decided on, whose fence has not been seen in the table.
    Resuming(Resuming),
    /// The table names our identity.
    Owned,
}

/// What a person's decision was made on. It holds for that table only: whatever else a later load shows is looked at
/// anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Resuming {
    /// The head that was accepted; `None`: the table had no snapshot.
    pub head: Option<SnapshotId>,
    /// The snapshot that the property named; `None`: there was no property.
    pub named: Option<SnapshotId>,
    /// The table's last sequence number.
    pub sequence: SequenceNumber,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Table {
    /// What the configuration says.
    pub spec: TableSpec,
    /// Its UUID, once recorded or adopted.
    pub uuid: Option<TableUuid>,
    /// Its life's number.
    pub incarnation: Incarnation,
    /// What may be done with it.
    pub life: Life,
    /// Set while it waits for a person or for a cause to go away.
    pub stopped: Option<Stopped>,
    /// Iceberg schema (JSON) to create it with, where it does not exist.
    pub schema: Option<String>,
    /// The streams that feed it.
    pub streams: BTreeMap<StreamId, StreamIdentity>,
    /// Its chains.
    pub chains: BTreeMap<ChainKey, Chain>,
    /// Accepted and not known to be committed, in order.
    pub accepted: VecDeque<Accepted>,
    /// The last acceptance number given.
    pub last_acceptance: AcceptanceNumber,
    /// The last accepted sequence of each session.
    pub sequences: BTreeMap<SessionId, Sequence>,
    /// Commits begun that may still land.
    pub begun: BTreeMap<SnapshotId, Begun>,
    /// The newest own commit read back.
    pub recorded: Option<Recorded>,
}

impl Table {
    /// A table that nothing is known of yet.
    #[must_use]
    pub fn new(spec: TableSpec) -> Self {
        Self {
            spec,
            uuid: None,
            incarnation: Incarnation(1),
            life: Life::New,
            stopped: None,
            schema: None,
            streams: BTreeMap::new(),
            chains: BTreeMap::new(),
            accepted: VecDeque::new(),
            last_acceptance: AcceptanceNumber(0),
            sequences: BTreeMap::new(),
            begun: BTreeMap::new(),
            recorded: None,
        }
    }

    /// The watermark as it stands in the state.
    #[must_use]
    pub fn watermark(&self) -> BTreeMap<ChainKey, Mark> {
        self.chains.iter().map(|(key, chain)| (*key, chain.mark)).collect()
    }

    /// True when our own log knows the snapshot: it recorded or began it.
    #[must_use]
    pub fn knows(&self, snapshot: SnapshotId) -> bool {
        self.recorded.is_some_and(|recorded| recorded.snapshot == snapshot) || self.begun.contains_key(&snapshot)
    }

    /// Files of all staged manifests.
    #[must_use]
    pub fn staged_files(&self) -> usize {
        self.accepted.iter().map(|accepted| accepted.manifest.files.len()).sum()
    }

    /// The stream of this topic, if the table has one.
    #[must_use]
    pub fn stream_of_topic(&self, topic: &str) -> Option<(StreamId, &StreamIdentity)> {
        self.streams.iter().find(|(_, identity)| identity.topic == topic).map(|(id, identity)| (*id, identity))
    }

    /// True when nothing may be committed to it until a person has decided.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.stopped.as_ref().is_some_and(|stopped| stopped.reason.halts_commits())
    }

    /// True when chains may be granted: the table is ours and nobody stopped it.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.life == Life::Owned && self.stopped.is_none()
    }
}
