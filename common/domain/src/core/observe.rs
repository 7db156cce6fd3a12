//! What a watcher's report of a topic means for a table.
//!
//! Whether a position still lies within the log is not judged here: by the time that a report arrives, reading has gone
//! on. The worker that is about to read from a position checks it against the log's ends itself.

use std::collections::BTreeMap;

use crate::ids::ChainKey;
use crate::port::{Observation, StopReason, Stopped};
use crate::range::Offset;
use crate::state::{Command, StartAt, Table};

/// The command that the report asks for; `None` when it shows what is known already.
#[must_use]
pub fn judge(table: &Table, seen: &Observation) -> Option<Command> {
    if table.stopped.as_ref().is_some_and(|stopped| !stopped.reason.lifts_itself()) {
        return None;
    }
    let stream = table.stream_of_topic(&seen.identity.topic);
    let known = stream.map(|(id, _)| id);
    let identity = stream.map_or(&seen.identity, |(_, identity)| identity).clone();
    if let Some(stopped) = another_stream(table, seen) {
        return Some(Command::StopTable { table: seen.table, stopped });
    }
    let mut starts = BTreeMap::new();
    for (partition, log_start, log_end) in &seen.partitions {
        let key = known.map(|stream| ChainKey { stream, partition: *partition });
        if !key.is_some_and(|key| table.chains.contains_key(&key)) {
            starts.insert(*partition, start(table, known.is_some(), *log_start, *log_end));
        }
    }
    let schema = seen.schema.clone().filter(|_| table.schema.is_none());
    if starts.is_empty() && schema.is_none() {
        return None;
    }
    Some(Command::PutStream { table: seen.table, identity, starts, schema })
}

/// The same name, and not the same stream.
fn another_stream(table: &Table, seen: &Observation) -> Option<Stopped> {
    let (_, known) = table.stream_of_topic(&seen.identity.topic)?;
    if known.kafka_cluster != seen.identity.kafka_cluster {
        let detail = format!(
            "topic {} was read from Kafka cluster {} and the brokers now belong to {}",
            known.topic, known.kafka_cluster, seen.identity.kafka_cluster
        );
        return Some(Stopped::new(StopReason::KafkaClusterChanged, detail).of_topic(&known.topic));
    }
    if known.contradicts(&seen.identity) {
        let text = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".into());
        let detail = format!(
            "topic {} had id {} and has {}: it was deleted and created anew",
            known.topic,
            text(&known.topic_id),
            text(&seen.identity.topic_id)
        );
        return Some(Stopped::new(StopReason::TopicRecreated, detail).of_topic(&known.topic));
    }
    None
}

fn start(table: &Table, stream_known: bool, log_start: Offset, log_end: Offset) -> Offset {
    match (stream_known, table.spec.start) {
        // Added later: nothing of it may be left out.
        (true, _) => Offset(0),
        (false, StartAt::Earliest) => log_start,
        (false, StartAt::Latest) => log_end,
    }
}
