//! What passes between a worker and the coordinator, as plain values.
//!
//! In one process these are handed over as they are; between processes `k2i-proto` carries them. The coordinator shows
//! each session the *whole* of what it should be doing ([`SessionView`]), and the worker reconciles itself with it: a
//! lost or repeated message changes nothing.

use std::collections::BTreeMap;

use crate::ids::{ChainKey, Epoch, Incarnation, Partition, SessionId, StreamIdentity, TableId, TableUuid};
use crate::range::{LeaderEpoch, Offset};

/// Makes an enum whose variants all have a name and stand in the list of all: none can be left out of either.
macro_rules! named {
    ($(#[$of_enum:meta])+ $vis:vis enum $name:ident { $($(#[$doc:meta])+ $variant:ident = $text:literal,)+ }) => {
        $(#[$of_enum])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[$doc])+ $variant,)+
        }

        impl $name {
            /// Every one, in the order of the reference.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The name that logs, metrics and commands use.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

named! {
    /// Why a table waits for a person (protocol details, "Stopped tables").
    pub enum StopReason {
        /// A record that this table cannot hold.
        Record = "record",
        /// The table's schema cannot be written by this version.
        Schema = "schema",
        /// The configuration and the table disagree.
        Config = "config",
        /// Kafka deleted records that were not read yet.
        RetentionGap = "retention_gap",
        /// The topic has another id than the one that was read.
        TopicRecreated = "topic_recreated",
        /// The log ends before our position, or its leader epoch history differs.
        LogTruncated = "log_truncated",
        /// The brokers belong to another Kafka cluster.
        KafkaClusterChanged = "kafka_cluster_changed",
        /// The table has another UUID, or is gone.
        TableRecreated = "table_recreated",
        /// `main` was set back to before our last snapshot.
        RolledBack = "rolled_back",
        /// Snapshots between the head and ours expired, so that the two cannot be compared.
        LineageUnverifiable = "lineage_unverifiable",
        /// The table lacks the watermark that we wrote.
        WatermarkMissing = "watermark_missing",
        /// The catalog keeps answering with a state older than one that it showed before.
        CatalogWentBack = "catalog_went_back",
        /// Another life of this cluster name has taken the table over.
        Replaced = "replaced",
        /// Another cluster name has claimed the same stream.
        StreamClaimed = "stream_claimed",
        /// A person stopped it.
        Operator = "operator",
    }
}

impl StopReason {
    /// True where the table itself is in doubt, so that nothing more may be committed to it. The other reasons stop
    /// reading only: what was accepted before them is still committed.
    #[must_use]
    pub fn halts_commits(self) -> bool {
        match self {
            Self::Record
            | Self::Schema
            | Self::Config
            | Self::RetentionGap
            | Self::TopicRecreated
            | Self::LogTruncated
            | Self::KafkaClusterChanged
            | Self::Operator => false,
            Self::TableRecreated
            | Self::RolledBack
            | Self::LineageUnverifiable
            | Self::WatermarkMissing
            | Self::CatalogWentBack
            | Self::Replaced
            | Self::StreamClaimed => true,
        }
    }

    /// True for the reasons that lift themselves once their cause is gone (a restart is a fresh look).
    #[must_use]
    pub fn lifts_itself(self) -> bool {
        matches!(self, Self::Record | Self::Schema | Self::Config)
    }

    /// The decisions that lift it. None: it lifts itself, somebody else owns the table, or what would lift it comes with
    /// the admin commands.
    #[must_use]
    pub fn decisions(self) -> &'static [Decision] {
        match self {
            Self::RetentionGap => &[Decision::Reset],
            Self::TopicRecreated | Self::LogTruncated | Self::KafkaClusterChanged => &[Decision::Keep, Decision::Reset],
            Self::TableRecreated
            | Self::RolledBack
            | Self::LineageUnverifiable
            | Self::WatermarkMissing
            | Self::CatalogWentBack => &[Decision::Keep, Decision::Reingest],
            Self::Record | Self::Schema | Self::Config | Self::Replaced | Self::StreamClaimed | Self::Operator => &[],
        }
    }
}

named! {
    /// What a person decides about a stopped table (protocol details, "Stopped tables"). Each begins a new incarnation.
    pub enum Decision {
        /// The head is accepted as it is, and reading goes on at the recorded positions. What lies between is never read.
        Keep = "keep",
        /// Reading goes on at the positions that the head really holds.
        Reingest = "reingest",
        /// Rows stay, and the stream starts anew at the configured start. Rows may double.
        Reset = "reset",
    }
}

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
