//! Identifiers with more than one field, streams under their number, and table UUIDs.

use k2i_domain::ids::{ChainKey, Partition, StreamId, StreamIdentity, TableUuid};

use crate::error::DecodeError;
use crate::fields::{array, required};
use crate::wire;

pub(crate) fn table_uuid(field: &str, bytes: &[u8]) -> Result<TableUuid, DecodeError> {
    Ok(TableUuid(array(field, bytes)?))
}

impl From<&ChainKey> for wire::ChainKey {
    fn from(key: &ChainKey) -> Self {
        Self { stream: key.stream.0, partition: key.partition.0 }
    }
}

impl From<wire::ChainKey> for ChainKey {
    fn from(key: wire::ChainKey) -> Self {
        Self { stream: StreamId(key.stream), partition: Partition(key.partition) }
    }
}

impl From<&StreamIdentity> for wire::StreamIdentity {
    fn from(identity: &StreamIdentity) -> Self {
        Self {
            kafka_cluster: identity.kafka_cluster.clone(),
            topic_id: identity.topic_id.clone(),
            topic: identity.topic.clone(),
        }
    }
}

impl From<wire::StreamIdentity> for StreamIdentity {
    fn from(identity: wire::StreamIdentity) -> Self {
        Self { kafka_cluster: identity.kafka_cluster, topic_id: identity.topic_id, topic: identity.topic }
    }
}

impl From<(&StreamId, &StreamIdentity)> for wire::Stream {
    fn from((id, identity): (&StreamId, &StreamIdentity)) -> Self {
        Self { id: id.0, identity: Some(identity.into()) }
    }
}

impl TryFrom<wire::Stream> for (StreamId, StreamIdentity) {
    type Error = DecodeError;

    fn try_from(stream: wire::Stream) -> Result<Self, DecodeError> {
        Ok((StreamId(stream.id), required("identity", stream.identity)?))
    }
}
