//! The watermark and identity that a table carries, as table properties (protocol details, "What the table carries").
//!
//! ```text
//! k2i.orders.state       = {"v":1,"instance":"9f2c4be1a07d3356","incarnation":2,"snapshot":"7312904471823301123",
//!                           "chunks":1,"streams":[{"id":0,"kafka":"MkU3…","topic_id":"Zq0X…","topic":"orders"}]}
//! k2i.orders.watermark.0 = {"v":1,"stream":0,"partitions":[[0,1207,5,1100,1207,107],[1,980,5,950,980,30]]}
//! ```
//!
//! A partition entry is: topic partition, next offset, Kafka leader epoch, and from, to and rows of the last range with
//! rows. A chunk holds at most 32 topic partitions of one stream, so that no value exceeds 3,500 bytes (Hive's limit).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ChainKey, Incarnation, Instance, Partition, SnapshotId, StreamId, StreamIdentity};
use crate::range::{LeaderEpoch, Offset};
use crate::state::Mark;

/// Topic partitions in one chunk.
const CHUNK: usize = 32;
/// The format written. A table with a higher one was written by a newer version.
const VERSION: u32 = 1;

/// Identity and watermark of one cluster name on one table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Property {
    /// The cluster's instance.
    pub instance: Instance,
    /// The table's incarnation under this cluster name.
    pub incarnation: Incarnation,
    /// The snapshot whose commit set this.
    pub snapshot: SnapshotId,
    /// The streams by their number.
    pub streams: BTreeMap<StreamId, StreamIdentity>,
    /// Per chain, where it stands.
    pub watermark: BTreeMap<ChainKey, Mark>,
}

/// Why a property cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// Not the JSON that this format has.
    #[error("table property {key} is not readable: {why}")]
    Malformed {
        /// The property's key.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// Written by a newer version.
    #[error("table property {key} has format version {found}, this version reads up to {VERSION}")]
    TooNew {
        /// The property's key.
        key: String,
        /// Its version.
        found: u32,
    },
    /// A chunk is missing.
    #[error("table property {0} is missing")]
    Missing(String),
}

#[derive(Serialize, Deserialize)]
struct StateText {
    v: u32,
    instance: String,
    incarnation: u32,
    snapshot: String,
    chunks: usize,
    streams: Vec<StreamText>,
}

/// A stream as it stands in properties and summaries.
#[derive(Serialize, Deserialize)]
pub(crate) struct StreamText {
    id: u32,
    kafka: String,
    topic_id: Option<String>,
    topic: String,
}

#[derive(Serialize, Deserialize)]
struct ChunkText {
    v: u32,
    stream: u32,
    partitions: Vec<(i32, i64, i32, i64, i64, u64)>,
}

/// The cluster name as it stands in property keys: everything but `[A-Za-z0-9_-]` percent-encoded.
#[must_use]
pub fn encoded_cluster(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// Key of the identity property of `cluster`.
#[must_use]
pub fn state_key(cluster: &str) -> String {
    format!("k2i.{}.state", encoded_cluster(cluster))
}

fn chunk_key(cluster: &str, number: usize) -> String {
    format!("k2i.{}.watermark.{number}", encoded_cluster(cluster))
}

impl Property {
    /// Every property of this cluster name, as key and value.
    #[must_use]
    pub fn render(&self, cluster: &str) -> BTreeMap<String, String> {
        let chunks = self.chunks();
        let state = StateText {
            v: VERSION,
            instance: self.instance.to_string(),
            incarnation: self.incarnation.0,
            snapshot: self.snapshot.to_string(),
            chunks: chunks.len(),
            streams: self.streams.iter().map(StreamText::from).collect(),
        };
        let mut out = BTreeMap::from([(state_key(cluster), json(&state))]);
        out.extend(chunks.iter().enumerate().map(|(number, chunk)| (chunk_key(cluster, number), json(chunk))));
        out
    }

    /// What has to be set so that a table with the properties `now` carries this one.
    #[must_use]
    pub fn changes(&self, cluster: &str, now: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        self.render(cluster).into_iter().filter(|(key, value)| now.get(key) != Some(value)).collect()
    }

    /// Reads the property of `cluster`, `None` if the table has none.
    ///
    /// # Errors
    /// Names the property that is missing, malformed or too new.
    pub fn parse(cluster: &str, properties: &BTreeMap<String, String>) -> Result<Option<Self>, PropertyError> {
        let key = state_key(cluster);
        let Some(text) = properties.get(&key) else { return Ok(None) };
        let state: StateText = read(&key, text)?;
        check_version(&key, state.v)?;
        let mut watermark = BTreeMap::new();
        for number in 0..state.chunks {
            let key = chunk_key(cluster, number);
            let text = properties.get(&key).ok_or_else(|| PropertyError::Missing(key.clone()))?;
            let chunk: ChunkText = read(&key, text)?;
            check_version(&key, chunk.v)?;
            watermark.extend(chunk.partitions.iter().map(|entry| mark(StreamId(chunk.stream), *entry)));
        }
        Ok(Some(Self {
            instance: Instance(number_in(&key, u64::from_str_radix(&state.instance, 16))?),
            incarnation: Incarnation(state.incarnation),
            snapshot: SnapshotId(number_in(&key, state.snapshot.parse())?),
            streams: state.streams.into_iter().map(StreamText::into_identity).collect(),
            watermark,
        }))
    }

    fn chunks(&self) -> Vec<ChunkText> {
        let mut chunks: BTreeMap<(u32, usize), ChunkText> = BTreeMap::new();
        for (key, mark) in &self.watermark {
            let group = usize::try_from(key.partition.0).unwrap_or(0) / CHUNK;
            chunks
                .entry((key.stream.0, group))
                .or_insert_with(|| ChunkText { v: VERSION, stream: key.stream.0, partitions: Vec::new() })
                .partitions
                .push(entry(key.partition, mark));
        }
        chunks.into_values().collect()
    }
}

/// The clusters whose property stands on the table, by their encoded name.
pub fn clusters(properties: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    properties.keys().filter_map(|key| key.strip_prefix("k2i.")?.strip_suffix(".state"))
}

/// The streams that another cluster's property names; unreadable ones name none.
#[must_use]
pub fn streams_of(encoded: &str, properties: &BTreeMap<String, String>) -> Vec<StreamIdentity> {
    let text = properties.get(&format!("k2i.{encoded}.state"));
    let state = text.and_then(|text| serde_json::from_str::<StateText>(text).ok());
    state.map(|state| state.streams.into_iter().map(|stream| stream.into_identity().1).collect()).unwrap_or_default()
}

impl From<(&StreamId, &StreamIdentity)> for StreamText {
    fn from((id, stream): (&StreamId, &StreamIdentity)) -> Self {
        Self {
            id: id.0,
            kafka: stream.kafka_cluster.clone(),
            topic_id: stream.topic_id.clone(),
            topic: stream.topic.clone(),
        }
    }
}

impl StreamText {
    pub(crate) fn into_identity(self) -> (StreamId, StreamIdentity) {
        let identity = StreamIdentity { kafka_cluster: self.kafka, topic_id: self.topic_id, topic: self.topic };
        (StreamId(self.id), identity)
    }
}

fn entry(partition: Partition, mark: &Mark) -> (i32, i64, i32, i64, i64, u64) {
    (partition.0, mark.offset.0, mark.leader_epoch.0, mark.last.0.0, mark.last.1.0, mark.last.2)
}

fn mark(stream: StreamId, entry: (i32, i64, i32, i64, i64, u64)) -> (ChainKey, Mark) {
    let (partition, offset, leader_epoch, from, to, rows) = entry;
    let key = ChainKey { stream, partition: Partition(partition) };
    let last = (Offset(from), Offset(to), rows);
    (key, Mark { offset: Offset(offset), leader_epoch: LeaderEpoch(leader_epoch), last })
}

fn json<T: Serialize>(value: &T) -> String {
    // Plain structs of numbers and strings: serde_json fails only on maps with keys that are no strings.
    serde_json::to_string(value).unwrap_or_default()
}

fn read<'a, T: Deserialize<'a>>(key: &str, text: &'a str) -> Result<T, PropertyError> {
    serde_json::from_str(text).map_err(|error| malformed(key, &error.to_string()))
}

fn number_in<T, E: std::fmt::Display>(key: &str, parsed: Result<T, E>) -> Result<T, PropertyError> {
    parsed.map_err(|error| malformed(key, &error.to_string()))
}

fn check_version(key: &str, found: u32) -> Result<(), PropertyError> {
    if found > VERSION { Err(PropertyError::TooNew { key: key.to_owned(), found }) } else { Ok(()) }
}

fn malformed(key: &str, why: &str) -> PropertyError {
    PropertyError::Malformed { key: key.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests;
