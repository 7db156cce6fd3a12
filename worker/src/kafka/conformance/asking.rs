//! What every control client must do.

use k2i_domain::range::Offset;

use super::{Fixture, PATIENCE, T, numbered, p};
use crate::kafka::control::{KafkaView, TopicState, TopicView};

fn present<'a>(view: &'a KafkaView, topic: &str) -> &'a TopicView {
    match &view.topics[topic] {
        Ok(TopicState::Present(found)) => found,
        other => panic!("{topic}: {other:?}"),
    }
}

pub(super) fn topics_are_described(kafka: &impl Fixture) {
    kafka.create_topic(T, 3);
    kafka.create_topic("clicks", 1);
    kafka.produce(T, p(1), &numbered(0..7));
    let control = kafka.control();
    let view = control.describe(&[T, "clicks", T], PATIENCE).unwrap();
    assert!(!view.cluster.is_empty());
    assert_eq!(view.topics.len(), 2);
    let ends = |view: &TopicView| -> Vec<(i32, i64, i64)> {
        view.partitions.iter().map(|v| (v.partition.0, v.log_start.0, v.log_end.0)).collect()
    };
    assert_eq!(ends(present(&view, T)), [(0, 0, 0), (1, 0, 7), (2, 0, 0)]);
    assert_eq!(ends(present(&view, "clicks")), [(0, 0, 0)]);
    let (orders, clicks) = (view.identity(T).unwrap(), view.identity("clicks").unwrap());
    assert_eq!(orders.topic, T);
    assert_eq!(orders.kafka_cluster, clicks.kafka_cluster);
    assert!(orders.topic_id.is_some() && orders.topic_id != clicks.topic_id);
    // Asked again, by another client: the same topic, the same cluster, and the log has grown.
    kafka.produce(T, p(1), &numbered(7..9));
    let again = kafka.control().describe(&[T], PATIENCE).unwrap();
    assert_eq!(again.identity(T), Some(orders));
    assert_eq!(ends(present(&again, T))[1], (1, 0, 9));
}

pub(super) fn a_missing_topic_is_no_error(kafka: &impl Fixture) {
    kafka.create_topic(T, 1);
    let control = kafka.control();
    let view = control.describe(&[T, "nowhere"], PATIENCE).unwrap();
    assert_eq!(view.topics["nowhere"], Ok(TopicState::Missing));
    assert_eq!(view.identity("nowhere"), None);
    present(&view, T);
    let only = control.describe(&["nowhere"], PATIENCE).unwrap();
    assert_eq!(only.topics["nowhere"], Ok(TopicState::Missing));
    // Asking did not make it.
    assert_eq!(control.describe(&["nowhere"], PATIENCE).unwrap(), only);
    // It appears later.
    kafka.create_topic("nowhere", 2);
    let view = control.describe(&["nowhere"], PATIENCE).unwrap();
    assert_eq!(present(&view, "nowhere").partitions.len(), 2);
}

pub(super) fn an_impossible_name_fails_alone(kafka: &impl Fixture) {
    kafka.create_topic(T, 1);
    let view = kafka.control().describe(&[T, "", "a\0b"], PATIENCE).unwrap();
    present(&view, T);
    assert!(view.topics[""].is_err());
    assert!(view.topics["a\0b"].is_err());
}

pub(super) fn published_offsets_are_read_by_others(kafka: &impl Fixture) {
    kafka.create_topic(T, 2);
    kafka.produce(T, p(0), &numbered(0..20));
    kafka.produce(T, p(1), &numbered(0..20));
    let control = kafka.control();
    control.publish("lag-a", T, &[(p(0), Offset(7)), (p(1), Offset(9))], PATIENCE).unwrap();
    control.publish("lag-b", T, &[(p(1), Offset(3))], PATIENCE).unwrap();
    control.publish("lag-b", T, &[], PATIENCE).unwrap();
    control.publish("lag-a", T, &[(p(0), Offset(8))], PATIENCE).unwrap();
    assert_eq!(kafka.published("lag-a", T, p(0)), Some(Offset(8)));
    assert_eq!(kafka.published("lag-a", T, p(1)), Some(Offset(9)));
    assert_eq!(kafka.published("lag-b", T, p(0)), None);
    assert_eq!(kafka.published("lag-b", T, p(1)), Some(Offset(3)));
}

pub(super) fn publishing_to_a_missing_topic_says_why(kafka: &impl Fixture) {
    let error = kafka.control().publish("lag-a", "nowhere", &[(p(0), Offset(1))], PATIENCE).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("nowhere") && text.contains("UNKNOWN_TOPIC_OR_PART"), "{text}");
}
