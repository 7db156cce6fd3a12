//! Positions against logs, and streams against streams: what stops a table, with which reason and which words.

use k2i_domain::range::LeaderEpoch;

use super::*;
use crate::kafka::{ControlError, MemoryKafka, MemoryRecord, PartitionView, TopicView};

const TOPIC: &str = "orders";
const CLUSTER: &str = "cluster-one";
const PLACE: Partition = Partition(3);

fn stream(topic_id: Option<&str>) -> StreamIdentity {
    StreamIdentity { kafka_cluster: CLUSTER.to_owned(), topic_id: topic_id.map(str::to_owned), topic: TOPIC.to_owned() }
}

fn brokers(cluster: &str, topic: Result<TopicState, ControlError>) -> KafkaView {
    KafkaView { cluster: cluster.to_owned(), topics: BTreeMap::from([(TOPIC.to_owned(), topic)]) }
}

fn present(topic_id: Option<&str>) -> Result<TopicState, ControlError> {
    let log =
        PartitionView { partition: PLACE, log_start: Offset(10), log_end: Offset(20), end_epoch: LeaderEpoch::UNKNOWN };
    Ok(TopicState::Present(TopicView { topic_id: topic_id.map(str::to_owned), partitions: vec![log] }))
}

fn stopped(stopped: Option<Stopped>, reason: StopReason, words: &[&str]) {
    let stopped = stopped.expect("the table has to stop");
    assert_eq!(stopped.reason, reason);
    for word in words {
        assert!(stopped.detail.contains(word), "{:?} does not say {word:?}", stopped.detail);
    }
}

#[test]
fn reading_begins_anywhere_within_the_log_and_at_its_end() {
    let (stream, log) = (stream(None), (Offset(10), Offset(20)));
    for start in [10, 11, 19, 20] {
        assert!(out_of_log(&stream, PLACE, log, Offset(start)).is_none(), "offset {start}");
    }
    // Nothing is kept and nothing is missing: everything was read before it went.
    assert!(out_of_log(&stream, PLACE, (Offset(20), Offset(20)), Offset(20)).is_none());
}

#[test]
fn a_start_before_the_log_is_a_gap_that_retention_made() {
    let found = out_of_log(&stream(None), PLACE, (Offset(10), Offset(20)), Offset(9));
    stopped(found, StopReason::RetentionGap, &["topic orders partition 3", "deleted offsets 9 to 10"]);
}

#[test]
fn a_start_past_the_log_is_a_log_that_was_cut() {
    let found = out_of_log(&stream(None), PLACE, (Offset(10), Offset(20)), Offset(21));
    stopped(found, StopReason::LogTruncated, &["topic orders partition 3", "ends at 20", "read up to 21"]);
    // The whole log went, and began anew.
    let found = out_of_log(&stream(None), PLACE, (Offset(0), Offset(0)), Offset(1));
    stopped(found, StopReason::LogTruncated, &["ends at 0", "read up to 1"]);
}

#[test]
fn a_log_that_lost_its_end_is_told_by_the_brokers_own_view() {
    let kafka = MemoryKafka::new(CLUSTER);
    kafka.create_topic(TOPIC, 1);
    for _ in 0..8 {
        kafka.produce(TOPIC, Partition(0), MemoryRecord::default()).expect("the topic is there");
    }
    let log = || {
        let view = kafka.describe(&[TOPIC], KAFKA_TIMEOUT).expect("it answers");
        let known = view.identity(TOPIC).expect("the topic is there");
        let log = log_of(&view, &known, Partition(0)).expect("the partition is there");
        out_of_log(&known, Partition(0), log, Offset(8))
    };
    assert!(log().is_none());
    kafka.truncate(TOPIC, Partition(0), Offset(5));
    stopped(log(), StopReason::LogTruncated, &["ends at 5", "read up to 8"]);
}

#[test]
fn the_same_topic_of_the_same_cluster_is_the_same_stream() {
    assert_eq!(same_stream(&brokers(CLUSTER, present(Some("id-1"))), &stream(Some("id-1"))), Ok(()));
}

#[test]
fn a_topic_id_that_one_side_does_not_know_contradicts_nothing() {
    for (seen, known) in [(None, Some("id-1")), (Some("id-1"), None), (None, None)] {
        assert_eq!(same_stream(&brokers(CLUSTER, present(seen)), &stream(known)), Ok(()), "{seen:?} and {known:?}");
    }
}

#[test]
fn another_topic_id_is_a_recreated_topic() {
    let found = same_stream(&brokers(CLUSTER, present(Some("id-2"))), &stream(Some("id-1")));
    stopped(found.unwrap_err(), StopReason::TopicRecreated, &[TOPIC, "had id id-1 and has id-2"]);
}

#[test]
fn another_cluster_is_another_stream_whatever_its_topic_ids_say() {
    for id in [Some("id-1"), Some("id-2"), None] {
        let found = same_stream(&brokers("cluster-two", present(id)), &stream(Some("id-1")));
        let words = [TOPIC, CLUSTER, "belong to cluster-two"];
        stopped(found.unwrap_err(), StopReason::KafkaClusterChanged, &words);
    }
}

#[test]
fn a_topic_that_is_away_or_cannot_be_asked_for_stops_nothing() {
    let refused = ControlError::Denied { what: "describe kafka topics", cause: "no".to_owned() };
    for topic in [Ok(TopicState::Missing), Err(refused)] {
        let view = brokers("cluster-two", topic);
        assert_eq!(same_stream(&view, &stream(Some("id-1"))), Err(None));
        assert_eq!(log_of(&view, &stream(None), PLACE), None);
    }
    assert_eq!(log_of(&brokers(CLUSTER, present(None)), &stream(None), PLACE), Some((Offset(10), Offset(20))));
    assert_eq!(log_of(&brokers(CLUSTER, present(None)), &stream(None), Partition(4)), None);
}
