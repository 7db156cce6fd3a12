//! Kafka: the brokers, the topics, and what this login may do.
//!
//! [`ask`] collects facts; [`judge`] makes checks of them.

mod ask;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use k2i_worker::kafka::{KafkaView, PartitionView, Right, Rights, TopicState, TopicView};

use super::advice;
use super::check::{Check, System};
pub(super) use ask::ask;

const BROKERS: &str = "brokers";
const TOPIC: &str = "topic";
const OFFSETS: &str = "log ends";
const READ: &str = "read records";
const PUBLISH: &str = "publish offsets";

/// What came of the attempt to read one record of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sample {
    /// It was read, from this topic partition.
    Read(i32),
    /// There is none to read: the topic is empty, or holds markers only.
    Empty,
    /// It could not be read.
    Refused(String),
    /// Nothing came in time.
    Silent,
}

/// What was found out about one Kafka cluster.
#[derive(Debug, Clone)]
pub(super) struct KafkaFacts {
    /// The servers, as configured.
    pub(super) servers: String,
    /// The group under which offsets are published.
    pub(super) group: String,
    /// The topics, or why no broker answers.
    pub(super) view: Result<KafkaView, String>,
    /// What may be done, or why that is not known.
    pub(super) rights: Result<Rights, String>,
    /// By topic, of those that are there.
    pub(super) samples: BTreeMap<String, Sample>,
}

/// The checks of one cluster.
pub(super) fn judge(facts: &KafkaFacts) -> Vec<Check> {
    let servers = &facts.servers;
    let view = match &facts.view {
        Ok(view) => view,
        Err(why) => return vec![Check::failed(System::Kafka, servers, BROKERS, why, advice::kafka(why))],
    };
    let brokers = match &facts.rights {
        Ok(Rights { brokers: 1, .. }) => "1 broker, ".to_owned(),
        Ok(rights) => format!("{} brokers, ", rights.brokers),
        Err(_) => String::new(),
    };
    let mut checks = vec![Check::ok(System::Kafka, servers, BROKERS, format!("{brokers}cluster {}", view.cluster))];
    for (topic, state) in &view.topics {
        match state {
            Ok(TopicState::Present(present)) => checks.extend(present_topic(facts, topic, present)),
            Ok(TopicState::Missing) => checks.push(Check::failed(
                System::Kafka,
                topic,
                TOPIC,
                "the brokers have no such topic",
                "create it, or correct kafka.topic; ingest waits for it and goes on by itself",
            )),
            Err(error) => {
                let why = error.to_string();
                checks.push(Check::failed(System::Kafka, topic, TOPIC, &why, advice::kafka(&why)));
            }
        }
    }
    checks.push(publish(facts));
    checks
}

fn present_topic(facts: &KafkaFacts, topic: &str, view: &TopicView) -> [Check; 3] {
    let id = view.topic_id.as_deref().map_or_else(|| "without an id".to_owned(), |id| format!("id {id}"));
    let count = view.partitions.len();
    let partitions = if count == 1 { "1 partition".to_owned() } else { format!("{count} partitions") };
    let kept = |log: &PartitionView| log.log_end.0.saturating_sub(log.log_start.0);
    let total: i64 = view.partitions.iter().map(kept).sum();
    [
        Check::ok(System::Kafka, topic, TOPIC, format!("{partitions}, {id}")),
        Check::ok(System::Kafka, topic, OFFSETS, format!("{total} offsets are kept")),
        read(facts, topic),
    ]
}

/// A record that was read is better than a right that is promised.
fn read(facts: &KafkaFacts, topic: &str) -> Check {
    let right = facts.rights.as_ref().ok().and_then(|rights| rights.read.get(topic));
    match (facts.samples.get(topic), right) {
        (Some(Sample::Read(partition)), _) => {
            Check::ok(System::Kafka, topic, READ, format!("read a record of partition {partition}"))
        }
        (Some(Sample::Refused(why)), _) => Check::failed(System::Kafka, topic, READ, why, advice::kafka(why)),
        (_, Some(Right::Denied(why))) => {
            let why = if why.is_empty() { "the brokers do not list READ among the rights on it" } else { why.as_str() };
            Check::failed(System::Kafka, topic, READ, why, "allow the user READ and DESCRIBE on the topic")
        }
        (Some(Sample::Silent), _) => Check::failed(
            System::Kafka,
            topic,
            READ,
            "the topic has records, but none came in time",
            "check that the addresses which the brokers advertise are reached from here",
        ),
        (Some(Sample::Empty) | None, Some(Right::Granted)) => {
            Check::ok(System::Kafka, topic, READ, "there is no record yet; the brokers allow reading")
        }
        (Some(Sample::Empty) | None, Some(Right::Unknown(_)) | None) => {
            Check::skipped(System::Kafka, topic, READ, "there is no record yet, and the brokers list no rights")
        }
    }
}

/// Only lag tools need it, so a group that may not be written is no reason to fail.
fn publish(facts: &KafkaFacts) -> Check {
    let group = &facts.group;
    match facts.rights.as_ref().map(|rights| &rights.publish) {
        Ok(Right::Granted) => Check::ok(System::Kafka, group, PUBLISH, "the brokers allow it"),
        Ok(Right::Denied(why)) => {
            let why = if why.is_empty() {
                "the brokers do not list READ among the rights on the group"
            } else {
                why.as_str()
            };
            let advice = "allow the user READ on the group, or do without lag tools: rows arrive all the same";
            Check::warning(System::Kafka, group, PUBLISH, why, advice)
        }
        Ok(Right::Unknown(why)) => Check::skipped(System::Kafka, group, PUBLISH, why),
        Err(why) => Check::skipped(System::Kafka, group, PUBLISH, why),
    }
}
