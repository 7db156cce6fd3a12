//! How Raft's own data is stored: protobuf messages behind one byte of format.
//!
//! Fields are only ever added, under new numbers. What an older release could not read rightly takes the next format
//! byte. `golden/` holds one stored value of each kind as the first release wrote it; a test reads and compares them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use openraft::BasicNode;
use prost::Message;

use super::types::{
    CommandBytes, Entry, LeaderId, LogId, Membership, NodeId, Payload, SnapshotMeta, StoredMembership, Vote,
};

/// The format that this release writes, and the only one so far.
const FORMAT: u8 = 1;

/// Why stored bytes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodecError {
    #[error("stored in format {0}, which is newer than this release")]
    Newer(u8),
    #[error("not a stored value: {0}")]
    Malformed(String),
}

#[derive(Clone, Copy, PartialEq, Message)]
struct LogIdRecord {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    node: u64,
    #[prost(uint64, tag = "3")]
    index: u64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct VoteRecord {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    node: u64,
    #[prost(bool, tag = "3")]
    committed: bool,
}

#[derive(Clone, PartialEq, Message)]
struct MembershipRecord {
    /// One set of voters, or two while a change is under way.
    #[prost(message, repeated, tag = "1")]
    configs: Vec<VotersRecord>,
    /// Voters and learners.
    #[prost(message, repeated, tag = "2")]
    nodes: Vec<NodeRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct VotersRecord {
    #[prost(uint64, repeated, tag = "1")]
    voters: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeRecord {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, tag = "2")]
    address: String,
}

#[derive(Clone, PartialEq, Message)]
struct EntryRecord {
    #[prost(message, optional, tag = "1")]
    id: Option<LogIdRecord>,
    #[prost(oneof = "PayloadRecord", tags = "2, 3, 4")]
    payload: Option<PayloadRecord>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum PayloadRecord {
    /// A leader's first entry. Always true.
    #[prost(bool, tag = "2")]
    Blank(bool),
    /// The application's command, in its own format.
    #[prost(bytes = "bytes", tag = "3")]
    Command(Bytes),
    #[prost(message, tag = "4")]
    Membership(MembershipRecord),
}

#[derive(Clone, PartialEq, Message)]
struct SnapshotMetaRecord {
    #[prost(message, optional, tag = "1")]
    last: Option<LogIdRecord>,
    /// Where the log holds the membership.
    #[prost(message, optional, tag = "2")]
    membership_id: Option<LogIdRecord>,
    #[prost(message, optional, tag = "3")]
    membership: Option<MembershipRecord>,
}

pub(super) fn encode_entry(entry: Entry) -> Vec<u8> {
    let payload = match entry.payload {
        Payload::Blank => PayloadRecord::Blank(true),
        Payload::Normal(command) => PayloadRecord::Command(command.0),
        Payload::Membership(membership) => PayloadRecord::Membership((&membership).into()),
    };
    encode(&EntryRecord { id: Some(entry.log_id.into()), payload: Some(payload) })
}

pub(super) fn decode_entry(bytes: &[u8]) -> Result<Entry, CodecError> {
    let record: EntryRecord = decode(bytes)?;
    let payload = match record.payload.ok_or_else(|| missing("payload"))? {
        PayloadRecord::Blank(_) => Payload::Blank,
        PayloadRecord::Command(command) => Payload::Normal(CommandBytes(command)),
        PayloadRecord::Membership(membership) => Payload::Membership(membership.try_into()?),
    };
    Ok(Entry { log_id: record.id.ok_or_else(|| missing("id"))?.into(), payload })
}

pub(super) fn encode_vote(vote: &Vote) -> Vec<u8> {
    encode(&VoteRecord { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed })
}

pub(super) fn decode_vote(bytes: &[u8]) -> Result<Vote, CodecError> {
    let record: VoteRecord = decode(bytes)?;
    Ok(Vote { leader_id: LeaderId { term: record.term, node_id: record.node }, committed: record.committed })
}

pub(super) fn encode_log_id(id: LogId) -> Vec<u8> {
    encode(&LogIdRecord::from(id))
}

pub(super) fn decode_log_id(bytes: &[u8]) -> Result<LogId, CodecError> {
    decode::<LogIdRecord>(bytes).map(LogId::from)
}

pub(super) fn encode_snapshot_meta(meta: &SnapshotMeta) -> Vec<u8> {
    let stored = &meta.last_membership;
    encode(&SnapshotMetaRecord {
        last: meta.last_log_id.map(LogIdRecord::from),
        membership_id: stored.log_id().map(LogIdRecord::from),
        membership: Some(stored.membership().into()),
    })
}

pub(super) fn decode_snapshot_meta(bytes: &[u8]) -> Result<SnapshotMeta, CodecError> {
    let record: SnapshotMetaRecord = decode(bytes)?;
    let membership = record.membership.ok_or_else(|| missing("membership"))?.try_into()?;
    Ok(SnapshotMeta {
        last_log_id: record.last.map(LogId::from),
        last_membership: StoredMembership::new(record.membership_id.map(LogId::from), membership),
    })
}

fn encode(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + message.encoded_len());
    bytes.push(FORMAT);
    bytes.extend(message.encode_to_vec());
    bytes
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, CodecError> {
    match bytes.split_first() {
        Some((&FORMAT, message)) => M::decode(message).map_err(|cause| CodecError::Malformed(cause.to_string())),
        Some((&format, _)) if format > FORMAT => Err(CodecError::Newer(format)),
        Some((&format, _)) => Err(CodecError::Malformed(format!("format {format}"))),
        None => Err(CodecError::Malformed("empty".to_owned())),
    }
}

fn missing(field: &str) -> CodecError {
    CodecError::Malformed(format!("the field {field} is missing"))
}

impl From<LogId> for LogIdRecord {
    fn from(id: LogId) -> Self {
        Self { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
    }
}

impl From<LogIdRecord> for LogId {
    fn from(record: LogIdRecord) -> Self {
        Self::new(LeaderId { term: record.term, node_id: record.node }, record.index)
    }
}

impl From<&Membership> for MembershipRecord {
    fn from(membership: &Membership) -> Self {
        let voters = |config: &BTreeSet<NodeId>| VotersRecord { voters: config.iter().copied().collect() };
        let node = |(id, node): (&NodeId, &BasicNode)| NodeRecord { id: *id, address: node.addr.clone() };
        Self {
            configs: membership.get_joint_config().iter().map(voters).collect(),
            nodes: membership.nodes().map(node).collect(),
        }
    }
}

impl TryFrom<MembershipRecord> for Membership {
    type Error = CodecError;

    fn try_from(record: MembershipRecord) -> Result<Self, CodecError> {
        let configs = record.configs.into_iter().map(|config| config.voters.into_iter().collect()).collect();
        let nodes: BTreeMap<_, _> =
            record.nodes.into_iter().map(|node| (node.id, BasicNode { addr: node.address })).collect();
        Self::new(configs, nodes).map_err(|cause| CodecError::Malformed(cause.to_string()))
    }
}
