//! The replicated commands and their replies.
//!
//! A command carries everything that it decides on: times and random ids are fields. Each is refused rather than
//! half-applied.

use std::collections::BTreeMap;

use super::table::{Mark, Resuming, StartAt};
use crate::ids::{
    AcceptanceNumber, ChainKey, Epoch, Incarnation, Instance, Partition, SequenceNumber, SessionId, SnapshotId,
    StreamId, StreamIdentity, TableId, TableUuid, Timestamp, WorkerId,
};
use crate::manifest::Manifest;
use crate::port::{Decision, Stopped, SubmitReply};
use crate::range::Offset;

/// A table as the configuration defines it. Connections are named by the table's key: each process resolves them from
/// its own file, so no secret enters Raft.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableSpec {
    /// The key under which every process finds its connections, `namespace.table` by default.
    pub name: String,
    /// The tenant it belongs to.
    pub tenant: String,
    /// Iceberg namespace.
    pub namespace: Vec<String>,
    /// Iceberg table name.
    pub table: String,
    /// The topics that feed it.
    pub topics: Vec<String>,
    /// Where a stream begins.
    pub start: StartAt,
    /// Milliseconds between cut ticks.
    pub flush_interval_ms: u64,
}

/// Why chains are set back to what stays accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RealignReason {
    /// A manifest does not start where the table's chain ends.
    NotAPrefix,
    /// A file is not in the store as it was submitted.
    FilesVanished,
    /// A file was staged for longer than a day, or under an earlier incarnation.
    FilesTooOld,
    /// The table no longer has the schema or spec of a file.
    SchemaGone,
}

impl RealignReason {
    /// The name that logs and metrics use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAPrefix => "not_a_prefix",
            Self::FilesVanished => "files_vanished",
            Self::FilesTooOld => "files_too_old",
            Self::SchemaGone => "schema_gone",
        }
    }
}

/// Why a table enters a new incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncarnationCause {
    /// We have no record of the table; another life under our name left a watermark.
    Adopted,
    /// The table names a snapshot of our identity that our log does not know: our state is old.
    StaleState,
}

/// A change of the replicated state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// The first command of an empty state.
    Init {
        /// Random.
        instance: Instance,
        /// The configured cluster name.
        cluster: String,
    },
    /// Every member understands this level.
    SetFeatureLevel {
        /// The new level; never goes down.
        level: u32,
    },
    /// A worker registers; its earlier session ends.
    RegisterWorker {
        /// The worker's configured name.
        worker: WorkerId,
        /// Random.
        session: SessionId,
    },
    /// A session ended: it left, or the leader's clock said so.
    ExpireWorker {
        /// The session.
        session: SessionId,
    },
    /// Defines a table, or changes the definition of the one with the same name.
    PutTable {
        /// The definition.
        spec: TableSpec,
    },
    /// Forgets a table. The Iceberg table stays.
    DropTable {
        /// The table.
        table: TableId,
    },
    /// A stream, or more topic partitions of one, or the schema to create the table with.
    PutStream {
        /// The table.
        table: TableId,
        /// The stream.
        identity: StreamIdentity,
        /// Topic partitions not known yet, with their start.
        starts: BTreeMap<Partition, Offset>,
        /// Iceberg schema as JSON.
        schema: Option<String>,
    },
    /// Grants chains to a session: epoch + 1 each.
    AssignPartitions {
        /// The table.
        table: TableId,
        /// The chains.
        chains: Vec<ChainKey>,
        /// The new owner.
        session: SessionId,
    },
    /// Asks the owner to finish and hand over.
    BeginRevoke {
        /// The table.
        table: TableId,
        /// The chain.
        chain: ChainKey,
        /// The epoch that is to end.
        epoch: Epoch,
    },
    /// The owner has handed over.
    FinishRevoke {
        /// The table.
        table: TableId,
        /// The chain.
        chain: ChainKey,
        /// The epoch that ends.
        epoch: Epoch,
    },
    /// A cut.
    SubmitManifest {
        /// The manifest.
        manifest: Manifest,
        /// When it reached the coordinator.
        at: Timestamp,
    },
    /// A commit request is about to be sent.
    BeginCommit {
        /// The table.
        table: TableId,
        /// Under which incarnation.
        incarnation: Incarnation,
        /// The client-chosen snapshot id.
        snapshot: SnapshotId,
        /// The head that it asserts.
        base: Option<SnapshotId>,
        /// The table's last sequence number at that load.
        base_sequence: SequenceNumber,
        /// The last manifest in it.
        upto: AcceptanceNumber,
    },
    /// What the table's own property says.
    RecordCommit {
        /// The table.
        table: TableId,
        /// Its UUID.
        uuid: TableUuid,
        /// The incarnation that the property names, ours.
        incarnation: Incarnation,
        /// The snapshot that it names.
        snapshot: SnapshotId,
        /// The table's last sequence number.
        sequence: SequenceNumber,
        /// The watermark.
        watermark: BTreeMap<ChainKey, Mark>,
    },
    /// Drops what was accepted after `after`; the chains it touched are read again.
    Realign {
        /// The table.
        table: TableId,
        /// The last manifest that stays.
        after: AcceptanceNumber,
        /// Why.
        reason: RealignReason,
    },
    /// The table waits.
    StopTable {
        /// The table.
        table: TableId,
        /// Why.
        stopped: Stopped,
    },
    /// The cause of a self-lifting stop is to be looked at again.
    LiftStop {
        /// The table.
        table: TableId,
    },
    /// The table begins a new life at the watermark that it carries.
    NewIncarnation {
        /// The table.
        table: TableId,
        /// Its UUID.
        uuid: TableUuid,
        /// The new number.
        incarnation: Incarnation,
        /// Why.
        cause: IncarnationCause,
        /// The streams that the property names.
        streams: BTreeMap<StreamId, StreamIdentity>,
        /// The watermark that the property holds.
        watermark: BTreeMap<ChainKey, Mark>,
    },
    /// A person's decision lifts a stop: the table begins a new life.
    ResumeTable {
        /// The table.
        table: TableId,
        /// What was decided, and what it comes to.
        resumption: Resumption,
    },
}

/// What a person's decision on a stopped table comes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resumption {
    /// The decision.
    pub decision: Decision,
    /// The table's UUID; `None`: there is no such table, and it is created anew.
    pub uuid: Option<TableUuid>,
    /// The new number.
    pub incarnation: Incarnation,
    /// What the decision was made on.
    pub on: Resuming,
    /// The streams that are read on.
    pub streams: BTreeMap<StreamId, StreamIdentity>,
    /// Where they are read on.
    pub watermark: BTreeMap<ChainKey, Mark>,
}

/// Why a command changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The state already has an instance.
    #[error("the cluster's state is already initialised")]
    AlreadyInitialised,
    /// No such table.
    #[error("there is no table {0}")]
    NoSuchTable(TableId),
    /// No such chain, or it is not in a state for this command.
    #[error("chain {0} does not allow this now")]
    Chain(ChainKey),
    /// The session does not exist or has ended.
    #[error("session {0} has ended")]
    SessionEnded(SessionId),
    /// The command names an incarnation, snapshot or epoch that is not current.
    #[error("overtaken by a later command")]
    Overtaken,
    /// The table is not stopped for a reason that this decision lifts.
    #[error("{} does not lift what the table is stopped for", .0.as_str())]
    NotLiftedBy(Decision),
    /// What was accepted before the stop is not committed yet.
    #[error("what was accepted before the stop is not committed yet")]
    Staged,
    /// The table has as many streams as it may have.
    #[error("a table may be fed by at most {} topics", super::limits::STREAMS)]
    TooManyStreams,
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Done (or done before).
    Done,
    /// The table's id.
    Table(TableId),
    /// What became of a manifest.
    Submit(SubmitReply),
    /// Nothing changed, and why.
    Refused(Refusal),
}
