//! The port through which records come: assign, poll in batches, and be told of everything that is not a record.

use std::time::Duration;

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};

use super::record::Record;

/// Names one assignment of one topic partition. Chosen by the caller and never used twice on a source, so that what was
/// fetched under an earlier one cannot be taken for the current one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Where to begin reading a topic partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The topic.
    pub topic: String,
    /// The topic partition.
    pub partition: Partition,
    /// First offset to deliver.
    pub offset: Offset,
    /// Leader epoch of the record at `offset - 1`, with which the log is compared before anything is delivered.
    /// [`LeaderEpoch::UNKNOWN`] skips the comparison, and is the only right value where the position before `offset`
    /// holds no record (a marker may be of a later epoch): take what [`Position`] says.
    pub leader_epoch: LeaderEpoch,
    /// Name of the assignment.
    pub token: Token,
}

/// How far an assignment has been delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Everything that exists before this offset has been delivered.
    pub offset: Offset,
    /// Leader epoch of the record directly before `offset`; unknown where there is none or the broker does not say.
    pub leader_epoch: LeaderEpoch,
}

/// Why an assignment is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndReason {
    /// The position is not in the log: retention passed it, the log ends before it, or it was truncated (Kafka's
    /// `OFFSET_OUT_OF_RANGE`, librdkafka's `AUTO_OFFSET_RESET`). Which one, `describe` says.
    #[error("the position is not in the log: {detail}")]
    PositionLost {
        /// What the broker said.
        detail: String,
    },
    /// A record is of an older leader epoch than one before it: the log is another one than we read so far.
    #[error("the leader epoch went back from {} to {} at offset {at}", from.0, to.0)]
    EpochWentBack {
        /// Offset of the record.
        at: Offset,
        /// Epoch reached before.
        from: LeaderEpoch,
        /// Epoch of the record.
        to: LeaderEpoch,
    },
    /// The topic or the topic partition is not there (any more).
    #[error("unknown topic or partition: {detail}")]
    UnknownTopic {
        /// What the broker said.
        detail: String,
    },
    /// A batch cannot be read: wrong CRC, unknown compression or format, too large.
    #[error("the log cannot be read: {detail}")]
    Damaged {
        /// What is wrong, and where.
        detail: String,
    },
    /// We may not read it.
    #[error("access denied: {detail}")]
    Denied {
        /// What the broker said.
        detail: String,
    },
    /// Any other error of the topic partition.
    #[error("{detail}")]
    Failed {
        /// What the broker said.
        detail: String,
    },
}

/// What a source reports besides records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEvent {
    /// The end of the log (with `read_committed`, its last stable offset) is reached. Positions between the last record
    /// and this one hold no record. Reported once for each end.
    CaughtUp {
        /// The assignment.
        token: Token,
        /// Where it stands.
        position: Position,
    },
    /// The assignment is over and nothing more comes under this token. Assign again at `position` once it is clear that
    /// this is right.
    Ended {
        /// The assignment.
        token: Token,
        /// Where it stood.
        position: Position,
        /// Why.
        reason: EndReason,
    },
    /// The connection is in trouble; the source goes on trying by itself.
    Trouble {
        /// The cause as the client library words it.
        cause: String,
    },
}

/// Takes what `poll` finds, in order. It must not block for long: fetching goes on behind it, up to the memory bound.
pub trait RecordSink {
    /// A record, valid until this returns.
    fn record(&mut self, record: &Record<'_>);
    /// Anything else.
    fn event(&mut self, event: SourceEvent);
}

/// What one `poll` handed to the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Polled {
    /// Number of records.
    pub records: usize,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// A source call that could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The call itself is wrong; nothing was changed.
    #[error("cannot {what}: {detail}")]
    Invalid {
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The client refused the call; it may be tried again.
    #[error("cannot {what}: {cause}")]
    Failed {
        /// What was asked.
        what: &'static str,
        /// The cause as the client library words it.
        cause: String,
    },
    /// The client is unusable: drop the source and make a new one.
    #[error("the kafka client is unusable: {cause}")]
    Fatal {
        /// The cause as the client library words it.
        cause: String,
    },
}

/// Reads topic partitions that were assigned by hand, each at most once. What it promises is in the [module](super)'s
/// documentation.
pub trait RecordSource: Send {
    /// Begins reading; all of `starts` or none. A topic partition that is assigned already changes to the new token.
    ///
    /// # Errors
    /// [`SourceError::Invalid`]: a token in use, a topic partition named twice, a negative offset, an impossible name.
    fn assign(&mut self, starts: &[Start]) -> Result<(), SourceError>;

    /// Ends assignments; nothing is delivered under these tokens once it returned. Unknown tokens are passed over, since
    /// the last poll may have ended them.
    ///
    /// # Errors
    /// [`SourceError::Failed`]; the assignments are over all the same.
    fn unassign(&mut self, tokens: &[Token]) -> Result<(), SourceError>;

    /// Holds assignments back at their positions and frees what was fetched ahead. Unknown tokens are passed over.
    ///
    /// # Errors
    /// [`SourceError::Failed`]; nothing is delivered under these tokens all the same.
    fn pause(&mut self, tokens: &[Token]) -> Result<(), SourceError>;

    /// Goes on at the positions where `pause` held. Tokens that are unknown or not paused are passed over.
    ///
    /// # Errors
    /// [`SourceError::Failed`]; they stay paused.
    fn resume(&mut self, tokens: &[Token]) -> Result<(), SourceError>;

    /// Where an assignment stands; `None` for a token that is not assigned.
    fn position(&self, token: Token) -> Option<Position>;

    /// Hands at most `max_records` records and all events at hand to `sink`, waiting up to `timeout` for the first one.
    ///
    /// # Errors
    /// [`SourceError::Fatal`].
    fn poll(&mut self, max_records: usize, timeout: Duration, sink: &mut dyn RecordSink)
    -> Result<Polled, SourceError>;
}
