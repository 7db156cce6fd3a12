//! What one case works with: names of its own on a cluster, and a sink that keeps what it was given.

use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};

use super::Fixture;
use crate::kafka::control::KafkaControl;
use crate::kafka::memory::MemoryRecord;
use crate::kafka::record::{Header, Record, TimestampKind};
use crate::kafka::source::{EndReason, RecordSink, RecordSource, SourceEvent, Start, Token};

/// How long anything is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster and the prefix of the names that one case uses on it.
pub struct Case<'a> {
    kafka: &'a dyn Fixture,
    prefix: &'a str,
    /// The case's topic.
    pub(super) topic: String,
}

impl<'a> Case<'a> {
    /// A case whose topics and groups begin with `prefix`; none of them may exist.
    #[must_use]
    pub fn new(kafka: &'a dyn Fixture, prefix: &'a str) -> Self {
        Self { kafka, prefix, topic: format!("{prefix}orders") }
    }

    /// The name of another topic, or of a group.
    pub(super) fn name(&self, word: &str) -> String {
        format!("{}{word}", self.prefix)
    }

    pub(super) fn create(&self, partitions: usize) {
        self.kafka.create_topic(&self.topic, partitions);
    }

    pub(super) fn create_other(&self, topic: &str, partitions: usize) {
        self.kafka.create_topic(topic, partitions);
    }

    pub(super) fn produce(&self, partition: Partition, records: &[MemoryRecord]) {
        self.kafka.produce(&self.topic, partition, records);
    }

    pub(super) fn source(&self) -> Box<dyn RecordSource> {
        self.kafka.source()
    }

    pub(super) fn control(&self) -> Box<dyn KafkaControl> {
        self.kafka.control()
    }

    pub(super) fn published(&self, group_id: &str, partition: Partition) -> Option<Offset> {
        self.kafka.published(group_id, &self.topic, partition)
    }

    pub(super) fn start(&self, partition: i32, offset: i64, token: u64) -> Start {
        Start {
            topic: self.topic.clone(),
            partition: p(partition),
            offset: Offset(offset),
            leader_epoch: LeaderEpoch::UNKNOWN,
            token: Token(token),
        }
    }

    pub(super) fn sink(&self) -> Sink {
        Sink { topic: self.topic.clone(), records: Vec::new(), events: Vec::new() }
    }
}

pub(super) fn p(partition: i32) -> Partition {
    Partition(partition)
}

/// Records whose values are these numbers.
pub(super) fn numbered(range: std::ops::Range<i64>) -> Vec<MemoryRecord> {
    range.map(|i| MemoryRecord { value: Some(i.to_string().into_bytes()), ..MemoryRecord::default() }).collect()
}

type OwnedHeader = (Vec<u8>, Option<Vec<u8>>);

/// A record as it was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) token: u64,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) epoch: i32,
    pub(super) timestamp: Option<(i64, bool)>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<OwnedHeader>,
}

/// Keeps all that it is given.
pub(super) struct Sink {
    topic: String,
    pub(super) records: Vec<Seen>,
    pub(super) events: Vec<SourceEvent>,
}

impl RecordSink for Sink {
    fn record(&mut self, record: &Record<'_>) {
        assert_eq!(record.topic, self.topic);
        let owned = |header: Header<'_>| (header.name.to_vec(), header.value.map(<[u8]>::to_vec));
        self.records.push(Seen {
            token: record.token.0,
            partition: record.partition.0,
            offset: record.offset.0,
            epoch: record.leader_epoch.0,
            timestamp: record.timestamp.map(|t| (t.at.0, t.kind == TimestampKind::Create)),
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers().expect("headers can be read").map(owned).collect(),
        });
    }

    fn event(&mut self, event: SourceEvent) {
        self.events.push(event);
    }
}

impl Sink {
    /// Polls until `done` says so.
    pub(super) fn poll_until(&mut self, source: &mut dyn RecordSource, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "not done: {} records, {:?}", self.records.len(), self.events);
            let before = self.records.len();
            let polled = source.poll(10_000, Duration::from_millis(100), self).expect("a source can be polled");
            assert_eq!(polled.records, self.records.len() - before);
        }
    }

    /// Polls for a while.
    pub(super) fn poll_for(&mut self, source: &mut dyn RecordSource, time: Duration) {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            source.poll(10_000, Duration::from_millis(20), self).expect("a source can be polled");
        }
    }

    pub(super) fn offsets(&self, token: u64) -> Vec<i64> {
        self.records.iter().filter(|r| r.token == token).map(|r| r.offset).collect()
    }

    pub(super) fn caught_up(&self, token: u64) -> Vec<i64> {
        let end = |event: &SourceEvent| match event {
            SourceEvent::CaughtUp { token: t, position } if t.0 == token => Some(position.offset.0),
            _ => None,
        };
        self.events.iter().filter_map(end).collect()
    }

    pub(super) fn ended(&self, token: u64) -> Option<(i64, EndReason)> {
        self.events.iter().find_map(|event| match event {
            SourceEvent::Ended { token: t, position, reason } if t.0 == token => {
                Some((position.offset.0, reason.clone()))
            }
            _ => None,
        })
    }
}
