//! An in-memory Kafka: logs with holes, epochs, retention and truncation, and both ports on top of them.
//!
//! For tests and simulations. It does on purpose what a real cluster does rarely: [`MemoryKafka::truncate`],
//! [`MemoryKafka::delete_before`], [`MemoryKafka::delete_topic`]. The conformance suite holds it to what librdkafka does.

mod log;
mod source;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k2i_domain::ids::{Partition, Timestamp};
use k2i_domain::range::{LeaderEpoch, Offset};

use super::control::{ControlError, KafkaControl, KafkaView, PartitionView, TopicState, TopicView, is_topic_name};
use super::record::{RecordTimestamp, StoredHeader, TimestampKind};
use log::{Log, Stored};

pub use source::MemorySource;

/// A record to produce.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryRecord {
    /// Its key; `None` is a null key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order; names may repeat.
    pub headers: Vec<StoredHeader>,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: Option<i64>,
}

struct Topic {
    id: String,
    logs: Vec<Log>,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<String, Topic>,
    published: BTreeMap<(String, String, Partition), Offset>,
    topics_made: u64,
}

impl State {
    fn log(&self, topic: &str, partition: Partition) -> Option<&Log> {
        self.topics.get(topic)?.logs.get(usize::try_from(partition.0).ok()?)
    }

    fn log_mut(&mut self, topic: &str, partition: Partition) -> Option<&mut Log> {
        self.topics.get_mut(topic)?.logs.get_mut(usize::try_from(partition.0).ok()?)
    }
}

struct Shared {
    cluster: String,
    state: Mutex<State>,
    changed: Condvar,
}

/// One in-memory cluster; clones are the same cluster.
#[derive(Clone)]
pub struct MemoryKafka {
    shared: Arc<Shared>,
}

impl MemoryKafka {
    /// An empty cluster with this id.
    #[must_use]
    pub fn new(cluster_id: &str) -> Self {
        let state = Mutex::new(State::default());
        Self { shared: Arc::new(Shared { cluster: cluster_id.to_owned(), state, changed: Condvar::new() }) }
    }

    /// Makes a topic, in the place of one of the same name if there is one. It gets an id of its own.
    pub fn create_topic(&self, name: &str, partitions: usize) {
        let mut state = self.lock();
        state.topics_made += 1;
        let id = format!("memory-topic-{:08}", state.topics_made);
        let logs = (0..partitions).map(|_| Log::default()).collect();
        state.topics.insert(name.to_owned(), Topic { id, logs });
        self.shared.changed.notify_all();
    }

    /// Takes a topic away.
    pub fn delete_topic(&self, name: &str) {
        self.lock().topics.remove(name);
        self.shared.changed.notify_all();
    }

    /// Appends a record and answers its offset; `None` if there is no such topic partition.
    pub fn produce(&self, topic: &str, partition: Partition, record: MemoryRecord) -> Option<Offset> {
        self.change(topic, partition, |log| {
            log.append(Stored {
                offset: log.end,
                epoch: log.epoch(),
                timestamp: record
                    .timestamp_ms
                    .map(|ms| RecordTimestamp { at: Timestamp(ms), kind: TimestampKind::Create }),
                key: record.key,
                value: record.value,
                headers: record.headers,
            })
        })
    }

    /// Makes a hole of `positions` at the log's end, as markers and compaction do.
    pub fn skip(&self, topic: &str, partition: Partition, positions: i64) {
        self.change(topic, partition, |log| log.end.0 += positions.max(0));
    }

    /// Moves the log's start up to `offset`, as retention does.
    pub fn delete_before(&self, topic: &str, partition: Partition, offset: Offset) {
        self.change(topic, partition, |log| log.delete_before(offset));
    }

    /// Gives the topic partition a new leader, and so a new epoch.
    pub fn elect(&self, topic: &str, partition: Partition) {
        self.change(topic, partition, Log::elect);
    }

    /// Cuts the log off at `end` under a new leader, as an unclean election does.
    pub fn truncate(&self, topic: &str, partition: Partition, end: Offset) {
        self.change(topic, partition, |log| log.truncate(end));
    }

    /// What was published under a group.
    #[must_use]
    pub fn published(&self, group_id: &str, topic: &str, partition: Partition) -> Option<Offset> {
        self.lock().published.get(&(group_id.to_owned(), topic.to_owned(), partition)).copied()
    }

    /// A source that reads from this cluster.
    #[must_use]
    pub fn source(&self) -> MemorySource {
        MemorySource::new(self.clone())
    }

    fn change<T>(&self, topic: &str, partition: Partition, change: impl FnOnce(&mut Log) -> T) -> Option<T> {
        let changed = self.lock().log_mut(topic, partition).map(change);
        self.shared.changed.notify_all();
        changed
    }

    /// The state is whole at every moment, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(state: &State, topic: &str) -> TopicState {
        let Some(found) = state.topics.get(topic) else { return TopicState::Missing };
        let partitions = (0_i32..).zip(&found.logs).map(|(number, log)| PartitionView {
            partition: Partition(number),
            log_start: log.start,
            log_end: log.end,
            end_epoch: LeaderEpoch::UNKNOWN,
        });
        TopicState::Present(TopicView { topic_id: Some(found.id.clone()), partitions: partitions.collect() })
    }
}

impl KafkaControl for MemoryKafka {
    fn describe(&self, topics: &[&str], _timeout: Duration) -> Result<KafkaView, ControlError> {
        let state = self.lock();
        let view = |name: &str| {
            if is_topic_name(name) {
                return Ok(Self::view(&state, name));
            }
            let cause = format!("`{}` is not a topic name", name.escape_default());
            Err(ControlError::Denied { what: "describe kafka topics", cause })
        };
        let topics = topics.iter().map(|name| ((*name).to_owned(), view(name))).collect();
        Ok(KafkaView { cluster: self.shared.cluster.clone(), topics })
    }

    fn publish(
        &self,
        group_id: &str,
        topic: &str,
        offsets: &[(Partition, Offset)],
        _timeout: Duration,
    ) -> Result<(), ControlError> {
        let mut state = self.lock();
        if let Some((partition, _)) = offsets.iter().find(|(partition, _)| state.log(topic, *partition).is_none()) {
            let cause = format!("group `{group_id}`, topic `{topic}`: [{partition}] UNKNOWN_TOPIC_OR_PART");
            return Err(ControlError::Unavailable { what: "publish group offsets", cause });
        }
        for (partition, offset) in offsets {
            state.published.insert((group_id.to_owned(), topic.to_owned(), *partition), *offset);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
