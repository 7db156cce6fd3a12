//! The port for everything about Kafka that is not a record: what a topic is and where its log begins and ends, and the
//! group offsets that lag tools look at.
//!
//! Calls block, at most for their time-out. They change nothing but group offsets, so each may be repeated.

use std::collections::BTreeMap;
use std::time::Duration;

use k2i_domain::ids::{Partition, StreamIdentity};
use k2i_domain::range::{LeaderEpoch, Offset};

/// What the brokers said about some topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaView {
    /// The Kafka cluster's id.
    pub cluster: String,
    /// Every topic that was asked for.
    pub topics: BTreeMap<String, Result<TopicState, ControlError>>,
}

impl KafkaView {
    /// The identity of a topic that is there.
    #[must_use]
    pub fn identity(&self, topic: &str) -> Option<StreamIdentity> {
        match self.topics.get(topic)? {
            Ok(TopicState::Present(view)) => Some(StreamIdentity {
                kafka_cluster: self.cluster.clone(),
                topic_id: view.topic_id.clone(),
                topic: topic.to_owned(),
            }),
            Ok(TopicState::Missing) | Err(_) => None,
        }
    }
}

/// A topic that is there, or is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicState {
    /// No such topic (yet).
    Missing,
    /// There it is.
    Present(TopicView),
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicView {
    /// Its id (KIP-516) in Kafka's text form (URL-safe base64 without padding); `None` from a broker that has none. It
    /// was the same before and after the offsets were read.
    pub topic_id: Option<String>,
    /// Its topic partitions, ascending.
    pub partitions: Vec<PartitionView>,
}

/// A topic partition's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionView {
    /// Its number.
    pub partition: Partition,
    /// First offset that is kept.
    pub log_start: Offset,
    /// Last stable offset: the next offset to read when everything committed has been read. Not the high watermark.
    pub log_end: Offset,
    /// Leader epoch that the broker gave with `log_end`; unknown where it gave none.
    pub end_epoch: LeaderEpoch,
}

/// A question that got no answer. Nothing was changed, or it does no harm that it may have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No answer in time, or a temporary refusal: ask again.
    #[error("cannot {what}: {cause}")]
    Unavailable {
        /// What was asked.
        what: &'static str,
        /// The cause as far as it is known.
        cause: String,
    },
    /// A person must change a right, a password or a name first.
    #[error("not allowed to {what}: {cause}")]
    Denied {
        /// What was asked.
        what: &'static str,
        /// The cause as the broker words it.
        cause: String,
    },
}

/// Describes topics and publishes group offsets.
pub trait KafkaControl: Send + Sync {
    /// Asks for the Kafka cluster's id and for these topics. A topic's own trouble is its own entry's; the call fails as
    /// a whole only where no broker answers.
    ///
    /// # Errors
    /// No broker answered within `timeout`, or it let us know nothing.
    fn describe(&self, topics: &[&str], timeout: Duration) -> Result<KafkaView, ControlError>;

    /// Publishes next offsets under a group id for lag tools. Best effort, and never read for recovery. The group must
    /// have no members.
    ///
    /// # Errors
    /// Why some or all could not be published.
    fn publish(
        &self,
        group_id: &str,
        topic: &str,
        offsets: &[(Partition, Offset)],
        timeout: Duration,
    ) -> Result<(), ControlError>;
}

/// librdkafka takes a topic name as a C string that is not empty; what else a broker minds, it says itself.
pub(super) fn is_topic_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 249 && !name.contains('\0')
}
