//! What every control client must do.

use std::time::{Duration, Instant};

use k2i_domain::range::Offset;

use super::case::{Case, PATIENCE, numbered, p};
use crate::kafka::control::{ControlError, KafkaView, TopicState, TopicView};

fn present<'a>(view: &'a KafkaView, topic: &str) -> &'a TopicView {
    match &view.topics[topic] {
        Ok(TopicState::Present(found)) => found,
        other => panic!("{topic}: {other:?}"),
    }
}

/// A broker that has just started loads its groups at the first question and says so meanwhile: ask again.
fn once_loaded(publish: impl Fn() -> Result<(), ControlError>) -> Result<(), ControlError> {
    const LOADING: [&str; 3] = ["COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR"];
    let deadline = Instant::now() + PATIENCE;
    loop {
        match publish() {
            Err(error @ ControlError::Unavailable { .. })
                if Instant::now() < deadline && LOADING.iter().any(|code| error.to_string().contains(code)) =>
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            outcome => return outcome,
        }
    }
}

fn describe(kafka: &Case<'_>, topics: &[&str]) -> KafkaView {
    kafka.control().describe(topics, PATIENCE).expect("the broker answers")
}

pub(super) fn topics_are_described(kafka: &Case<'_>) {
    let (topic, clicks) = (kafka.topic.as_str(), kafka.name("clicks"));
    kafka.create(3);
    kafka.create_other(&clicks, 1);
    kafka.produce(p(1), &numbered(0..7));
    let view = describe(kafka, &[topic, &clicks, topic]);
    assert!(!view.cluster.is_empty());
    assert_eq!(view.topics.len(), 2);
    let ends = |view: &TopicView| -> Vec<(i32, i64, i64)> {
        view.partitions.iter().map(|v| (v.partition.0, v.log_start.0, v.log_end.0)).collect()
    };
    assert_eq!(ends(present(&view, topic)), [(0, 0, 0), (1, 0, 7), (2, 0, 0)]);
    assert_eq!(ends(present(&view, &clicks)), [(0, 0, 0)]);
    let identity = |topic: &str| view.identity(topic).expect("a topic that is there has an identity");
    let (orders, clicks) = (identity(topic), identity(&clicks));
    assert_eq!(orders.topic, topic);
    assert_eq!(orders.kafka_cluster, clicks.kafka_cluster);
    assert!(orders.topic_id.is_some() && orders.topic_id != clicks.topic_id);
    // Asked again, by another client: the same topic, the same cluster, and the log has grown.
    kafka.produce(p(1), &numbered(7..9));
    let again = describe(kafka, &[topic]);
    assert_eq!(again.identity(topic), Some(orders));
    assert_eq!(ends(present(&again, topic))[1], (1, 0, 9));
}

pub(super) fn a_missing_topic_is_no_error(kafka: &Case<'_>) {
    let (topic, nowhere) = (kafka.topic.as_str(), kafka.name("nowhere"));
    kafka.create(1);
    let control = kafka.control();
    let ask = |topics: &[&str]| control.describe(topics, PATIENCE).expect("the broker answers");
    let view = ask(&[topic, &nowhere]);
    assert_eq!(view.topics[&nowhere], Ok(TopicState::Missing));
    assert_eq!(view.identity(&nowhere), None);
    present(&view, topic);
    let only = ask(&[&nowhere]);
    assert_eq!(only.topics[&nowhere], Ok(TopicState::Missing));
    // Asking did not make it.
    assert_eq!(ask(&[&nowhere]), only);
    // It appears later.
    kafka.create_other(&nowhere, 2);
    assert_eq!(present(&ask(&[&nowhere]), &nowhere).partitions.len(), 2);
}

pub(super) fn an_impossible_name_fails_alone(kafka: &Case<'_>) {
    kafka.create(1);
    let view = describe(kafka, &[&kafka.topic, "", "a\0b"]);
    present(&view, &kafka.topic);
    assert!(view.topics[""].is_err());
    assert!(view.topics["a\0b"].is_err());
}

pub(super) fn published_offsets_are_read_by_others(kafka: &Case<'_>) {
    kafka.create(2);
    kafka.produce(p(0), &numbered(0..20));
    kafka.produce(p(1), &numbered(0..20));
    let control = kafka.control();
    let publish = |group: &str, offsets: &[_]| {
        let published = once_loaded(|| control.publish(group, &kafka.topic, offsets, PATIENCE));
        published.expect("offsets can be published");
    };
    let (a, b) = (kafka.name("lag-a"), kafka.name("lag-b"));
    publish(&a, &[(p(0), Offset(7)), (p(1), Offset(9))]);
    publish(&b, &[(p(1), Offset(3))]);
    publish(&b, &[]);
    publish(&a, &[(p(0), Offset(8))]);
    assert_eq!(kafka.published(&a, p(0)), Some(Offset(8)));
    assert_eq!(kafka.published(&a, p(1)), Some(Offset(9)));
    assert_eq!(kafka.published(&b, p(0)), None);
    assert_eq!(kafka.published(&b, p(1)), Some(Offset(3)));
}

pub(super) fn publishing_to_a_missing_topic_says_why(kafka: &Case<'_>) {
    let (group, nowhere) = (kafka.name("lag-c"), kafka.name("nowhere"));
    let control = kafka.control();
    let published = once_loaded(|| control.publish(&group, &nowhere, &[(p(0), Offset(1))], PATIENCE));
    let text = published.expect_err("offsets of a topic that is not there are published").to_string();
    assert!(text.contains(&nowhere) && text.contains("UNKNOWN_TOPIC_OR_PART"), "{text}");
}
