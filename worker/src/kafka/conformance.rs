//! What every source and every control client must do, run on the in-memory ones and on librdkafka's.

mod asking;
mod reading;

use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};

use super::control::KafkaControl;
use super::memory::{MemoryKafka, MemoryRecord};
use super::mock::MockKafka;
use super::record::{Header, Record, TimestampKind};
use super::source::{EndReason, RecordSink, RecordSource, SourceEvent, Start, Token};

/// A Kafka to test against.
pub(super) trait Fixture {
    fn create_topic(&self, name: &str, partitions: usize);
    fn produce(&self, topic: &str, partition: Partition, records: &[MemoryRecord]);
    /// Gives the topic partition a new leader epoch.
    fn elect(&self, topic: &str, partition: Partition);
    fn source(&self) -> Box<dyn RecordSource>;
    fn control(&self) -> Box<dyn KafkaControl>;
    fn published(&self, group_id: &str, topic: &str, partition: Partition) -> Option<Offset>;
}

impl Fixture for MemoryKafka {
    fn create_topic(&self, name: &str, partitions: usize) {
        MemoryKafka::create_topic(self, name, partitions);
    }

    fn produce(&self, topic: &str, partition: Partition, records: &[MemoryRecord]) {
        for record in records {
            MemoryKafka::produce(self, topic, partition, record.clone()).unwrap();
        }
    }

    fn elect(&self, topic: &str, partition: Partition) {
        MemoryKafka::elect(self, topic, partition);
    }

    fn source(&self) -> Box<dyn RecordSource> {
        Box::new(MemoryKafka::source(self))
    }

    fn control(&self) -> Box<dyn KafkaControl> {
        Box::new(self.clone())
    }

    fn published(&self, group_id: &str, topic: &str, partition: Partition) -> Option<Offset> {
        MemoryKafka::published(self, group_id, topic, partition)
    }
}

macro_rules! suite {
    ($($part:ident: $test:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $test() { super::$part::$test(&super::MemoryKafka::new("memory")); })*
        }
        mod librdkafka {
            $(#[test] fn $test() { super::$part::$test(&super::MockKafka::new()); })*
        }
    };
}

suite! {
    reading: three_partitions_are_read_in_order,
    reading: reading_starts_at_the_offset,
    reading: a_poll_hands_over_no_more_than_it_may,
    reading: another_token_begins_anew,
    reading: nothing_comes_after_unassign,
    reading: pause_holds_and_resume_goes_on,
    reading: a_pause_at_the_end_loses_nothing,
    reading: a_pause_in_the_middle_loses_nothing,
    reading: the_end_of_the_log_is_reported_once,
    reading: an_empty_topic_partition_is_caught_up,
    reading: a_start_past_the_end_is_reported_and_not_jumped,
    reading: a_start_of_a_truncated_epoch_is_refused,
    reading: a_start_of_a_known_epoch_reads_on,
    reading: a_record_of_a_newer_epoch_carries_it,
    reading: a_missing_topic_ends_the_assignment,
    reading: nulls_and_empties_are_told_apart,
    reading: headers_keep_order_and_repeat,
    reading: timestamps_are_milliseconds,
    reading: a_wrong_call_changes_nothing,
    reading: unknown_tokens_are_passed_over,
    asking: topics_are_described,
    asking: a_missing_topic_is_no_error,
    asking: an_impossible_name_fails_alone,
    asking: published_offsets_are_read_by_others,
    asking: publishing_to_a_missing_topic_says_why,
}

const PATIENCE: Duration = Duration::from_secs(30);
const T: &str = "orders";

fn p(partition: i32) -> Partition {
    Partition(partition)
}

fn numbered(range: std::ops::Range<i64>) -> Vec<MemoryRecord> {
    range.map(|i| MemoryRecord { value: Some(i.to_string().into_bytes()), ..MemoryRecord::default() }).collect()
}

fn start(partition: i32, offset: i64, token: u64) -> Start {
    Start {
        topic: T.to_owned(),
        partition: p(partition),
        offset: Offset(offset),
        leader_epoch: LeaderEpoch::UNKNOWN,
        token: Token(token),
    }
}

type OwnedHeader = (Vec<u8>, Option<Vec<u8>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    token: u64,
    partition: i32,
    offset: i64,
    epoch: i32,
    timestamp: Option<(i64, bool)>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<OwnedHeader>,
}

#[derive(Default)]
struct Sink {
    records: Vec<Seen>,
    events: Vec<SourceEvent>,
}

impl RecordSink for Sink {
    fn record(&mut self, record: &Record<'_>) {
        assert_eq!(record.topic, T);
        let owned = |header: Header<'_>| (header.name.to_vec(), header.value.map(<[u8]>::to_vec));
        self.records.push(Seen {
            token: record.token.0,
            partition: record.partition.0,
            offset: record.offset.0,
            epoch: record.leader_epoch.0,
            timestamp: record.timestamp.map(|t| (t.at.0, t.kind == TimestampKind::Create)),
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers().unwrap().map(owned).collect(),
        });
    }

    fn event(&mut self, event: SourceEvent) {
        self.events.push(event);
    }
}

impl Sink {
    /// Polls until `done` says so.
    fn poll_until(&mut self, source: &mut dyn RecordSource, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < deadline, "not done: {} records, {:?}", self.records.len(), self.events);
            let before = self.records.len();
            let polled = source.poll(10_000, Duration::from_millis(100), self).unwrap();
            assert_eq!(polled.records, self.records.len() - before);
        }
    }

    /// Polls for a while.
    fn poll_for(&mut self, source: &mut dyn RecordSource, time: Duration) {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            source.poll(10_000, Duration::from_millis(20), self).unwrap();
        }
    }

    fn offsets(&self, token: u64) -> Vec<i64> {
        self.records.iter().filter(|r| r.token == token).map(|r| r.offset).collect()
    }

    fn caught_up(&self, token: u64) -> Vec<i64> {
        let end = |event: &SourceEvent| match event {
            SourceEvent::CaughtUp { token: t, position } if t.0 == token => Some(position.offset.0),
            _ => None,
        };
        self.events.iter().filter_map(end).collect()
    }

    fn ended(&self, token: u64) -> Option<(i64, EndReason)> {
        self.events.iter().find_map(|event| match event {
            SourceEvent::Ended { token: t, position, reason } if t.0 == token => {
                Some((position.offset.0, reason.clone()))
            }
            _ => None,
        })
    }
}
