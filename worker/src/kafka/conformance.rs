//! What every source and every control client must do, run on the in-memory ones and on librdkafka's, the latter against
//! its mock cluster here and against Apache Kafka by the integration tests.
//!
//! [`READING`] and [`ASKING`] need nothing but a broker. The cases of `elections` need a cluster that gives a topic
//! partition a new leader on demand, as the in-memory one and the mock do. Each case is given a [`Case`], whose names
//! belong to it alone, and panics with its own words when the client fails it.

mod asking;
mod broker;
mod case;
#[cfg(test)]
mod elections;
mod reading;

use k2i_domain::ids::Partition;
use k2i_domain::range::Offset;

use super::control::KafkaControl;
use super::memory::{MemoryKafka, MemoryRecord};
use super::source::RecordSource;

pub use broker::Broker;
#[cfg(test)]
pub(super) use broker::settings;
pub use case::Case;

/// A Kafka to test against.
pub trait Fixture {
    /// Makes a topic that keeps what it gets, and waits until it can be used.
    fn create_topic(&self, name: &str, partitions: usize);
    /// Produces, and waits until it is acknowledged.
    fn produce(&self, topic: &str, partition: Partition, records: &[MemoryRecord]);
    /// A source that reads from it.
    fn source(&self) -> Box<dyn RecordSource>;
    /// A client that asks it.
    fn control(&self) -> Box<dyn KafkaControl>;
    /// What was published under a group, asked by another client.
    fn published(&self, group_id: &str, topic: &str, partition: Partition) -> Option<Offset>;
}

/// A Kafka whose leaders can be changed.
#[cfg(test)]
pub(super) trait Elections: Fixture {
    /// Gives the topic partition a new leader epoch, the next one.
    fn elect(&self, topic: &str, partition: Partition);
}

impl Fixture for MemoryKafka {
    fn create_topic(&self, name: &str, partitions: usize) {
        MemoryKafka::create_topic(self, name, partitions);
    }

    fn produce(&self, topic: &str, partition: Partition, records: &[MemoryRecord]) {
        for record in records {
            MemoryKafka::produce(self, topic, partition, record.clone()).expect("the topic partition exists");
        }
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

#[cfg(test)]
impl Elections for MemoryKafka {
    fn elect(&self, topic: &str, partition: Partition) {
        MemoryKafka::elect(self, topic, partition);
    }
}

/// A case and its name.
pub type Named = (&'static str, fn(&Case<'_>));

macro_rules! suites {
    ($($(#[$doc:meta])* $list:ident in $part:ident: $($case:ident),*;)*) => {
        $($(#[$doc])* pub const $list: &[Named] = &[$((stringify!($case), $part::$case)),*];)*

        #[cfg(test)]
        mod memory {
            $($(#[test] fn $case() { super::$part::$case(&super::Case::new(&super::MemoryKafka::new("memory"), "")); })*)*
        }
        #[cfg(test)]
        mod librdkafka {
            $($(#[test] fn $case() { super::$part::$case(&super::Case::new(&super::super::mock::MockKafka::new(), "")); })*)*
        }
    };
}

suites! {
    /// What every [`RecordSource`] must do.
    READING in reading:
        three_partitions_are_read_in_order,
        reading_starts_at_the_offset,
        a_poll_hands_over_no_more_than_it_may,
        another_token_begins_anew,
        nothing_comes_after_unassign,
        pause_holds_and_resume_goes_on,
        a_pause_at_the_end_loses_nothing,
        a_pause_in_the_middle_loses_nothing,
        the_end_of_the_log_is_reported_once,
        an_empty_topic_partition_is_caught_up,
        a_start_past_the_end_is_reported_and_not_jumped,
        a_missing_topic_ends_the_assignment,
        nulls_and_empties_are_told_apart,
        headers_keep_order_and_repeat,
        timestamps_are_milliseconds,
        a_wrong_call_changes_nothing,
        unknown_tokens_are_passed_over;
    /// What every [`KafkaControl`] must do.
    ASKING in asking:
        topics_are_described,
        a_missing_topic_is_no_error,
        an_impossible_name_fails_alone,
        published_offsets_are_read_by_others,
        publishing_to_a_missing_topic_says_why;
}

#[cfg(test)]
macro_rules! elections {
    ($($case:ident),* $(,)?) => {
        mod electing {
            mod memory {
                $(#[test] fn $case() {
                    super::super::elections::$case(&crate::kafka::MemoryKafka::new("memory"));
                })*
            }
            mod librdkafka {
                $(#[test] fn $case() { super::super::elections::$case(&crate::kafka::mock::MockKafka::new()); })*
            }
        }
    };
}

#[cfg(test)]
elections! {
    a_start_of_a_truncated_epoch_is_refused,
    a_start_of_a_known_epoch_reads_on,
    a_record_of_a_newer_epoch_carries_it,
}
