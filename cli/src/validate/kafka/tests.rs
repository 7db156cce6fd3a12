//! What facts about a Kafka cluster come to.

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};
use k2i_worker::kafka::ControlError;

use super::super::check::Status;
use super::*;

fn facts() -> KafkaFacts {
    let log = |partition| PartitionView {
        partition: Partition(partition),
        log_start: Offset(10),
        log_end: Offset(25),
        end_epoch: LeaderEpoch::UNKNOWN,
    };
    let topic = TopicView { topic_id: Some("Zq0X".to_owned()), partitions: vec![log(0), log(1)] };
    KafkaFacts {
        servers: "a:9092".to_owned(),
        group: "g".to_owned(),
        view: Ok(KafkaView {
            cluster: "MkU3".to_owned(),
            topics: BTreeMap::from([("orders".to_owned(), Ok(TopicState::Present(topic)))]),
        }),
        rights: Ok(Rights {
            brokers: 3,
            read: BTreeMap::from([("orders".to_owned(), Right::Granted)]),
            publish: Right::Granted,
        }),
        samples: BTreeMap::from([("orders".to_owned(), Sample::Read(1))]),
    }
}

/// Name, status and detail of each check.
fn found(facts: &KafkaFacts) -> Vec<(&'static str, Status, String)> {
    judge(facts).into_iter().map(|check| (check.name, check.status, check.detail)).collect()
}

fn of(facts: &KafkaFacts, name: &str) -> Check {
    judge(facts).into_iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}"))
}

#[test]
fn a_cluster_that_is_well() {
    let expected = [
        (BROKERS, Status::Ok, "3 brokers, cluster MkU3"),
        (TOPIC, Status::Ok, "2 partitions, id Zq0X"),
        (OFFSETS, Status::Ok, "30 offsets are kept"),
        (READ, Status::Ok, "read a record of partition 1"),
        (PUBLISH, Status::Ok, "the brokers allow it"),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(name, status, text)| (name, status, text.to_owned())).collect();
    assert_eq!(found(&facts()), expected);
}

#[test]
fn no_broker_says_nothing_of_the_topics() {
    let mut facts = facts();
    facts.view = Err("cannot describe kafka topics: Connection refused".to_owned());
    let checks = judge(&facts);
    assert_eq!(checks.len(), 1);
    assert_eq!((checks[0].name, checks[0].status), (BROKERS, Status::Failed));
    assert!(checks[0].advice.contains("start the broker"), "{checks:?}");
}

#[test]
fn a_missing_and_a_closed_topic_fail() {
    let mut facts = facts();
    let view = facts.view.as_mut().unwrap();
    let denied = ControlError::Denied { what: "describe kafka topics", cause: "TOPIC_AUTHORIZATION_FAILED".to_owned() };
    view.topics = BTreeMap::from([("gone".to_owned(), Ok(TopicState::Missing)), ("closed".to_owned(), Err(denied))]);
    let found: Vec<_> = judge(&facts).into_iter().filter(|check| check.name == TOPIC).collect();
    assert!(found.iter().all(|check| check.status == Status::Failed), "{found:?}");
    assert!(found[0].advice.contains("READ and DESCRIBE"), "{found:?}");
    assert_eq!(found[1].detail, "the brokers have no such topic");
}

#[test]
fn a_record_tells_more_than_a_right() {
    let cases = [
        (Sample::Read(0), Right::Unknown(String::new()), Status::Ok),
        (Sample::Refused("access denied: TOPIC_AUTHORIZATION_FAILED".to_owned()), Right::Granted, Status::Failed),
        (Sample::Silent, Right::Granted, Status::Failed),
        (Sample::Silent, Right::Denied(String::new()), Status::Failed),
        (Sample::Empty, Right::Granted, Status::Ok),
        (Sample::Empty, Right::Denied(String::new()), Status::Failed),
        (Sample::Empty, Right::Unknown(String::new()), Status::Skipped),
    ];
    for (sample, right, status) in cases {
        let mut facts = facts();
        facts.samples.insert("orders".to_owned(), sample.clone());
        facts.rights.as_mut().unwrap().read.insert("orders".to_owned(), right.clone());
        assert_eq!(of(&facts, READ).status, status, "{sample:?}, {right:?}");
    }
}

#[test]
fn a_group_that_may_not_be_written_is_a_warning() {
    let mut facts = facts();
    facts.rights.as_mut().unwrap().publish = Right::Denied("GROUP_AUTHORIZATION_FAILED".to_owned());
    assert_eq!(of(&facts, PUBLISH).status, Status::Warning);
    facts.rights = Err("no answer".to_owned());
    assert_eq!(of(&facts, PUBLISH).status, Status::Skipped);
    assert_eq!(of(&facts, BROKERS).detail, "cluster MkU3");
}
