//! What only the real client has: unreachable servers, rights, and Kafka's text form of ids.

use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::ask::{LogEnd, found, kafka_text};
use crate::kafka::code::KafkaCode;
use crate::kafka::conformance::Fixture;
use crate::kafka::control::{ControlError, KafkaControl, TopicState};
use crate::kafka::kafka_control::ControlClient;
use crate::kafka::mock::{MockKafka, settings};

#[test]
fn a_leader_that_is_not_known_yet_is_no_end_of_a_log() {
    let ask = |code, offset| found(code, Partition(3), LogEnd { offset: Offset(offset), epoch: LeaderEpoch::UNKNOWN });
    assert_eq!(ask(KafkaCode::NONE, 0).unwrap().offset, Offset(0));
    // What librdkafka answers while a leader is elected, and what a broker answers that does not know.
    for offset in [-1001, -1] {
        assert_eq!(ask(KafkaCode::NONE, offset).unwrap_err().code, KafkaCode::OFFSET_NOT_AVAILABLE);
    }
    assert_eq!(ask(KafkaCode::TOPIC_DENIED, -1001).unwrap_err().code, KafkaCode::TOPIC_DENIED);
}

#[test]
fn an_unreachable_server_is_named_with_its_cause() {
    // A port that was just free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let control = ControlClient::new(&settings(&format!("127.0.0.1:{port}"))).unwrap();
    let began = Instant::now();
    let error = control.describe(&["t"], Duration::from_secs(2)).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(6));
    let text = error.to_string();
    assert!(matches!(error, ControlError::Unavailable { .. }), "{text}");
    assert!(text.contains("Connection refused") && text.contains(&port.to_string()), "{text}");
    let error = control.publish("g", "t", &[(Partition(0), Offset(1))], Duration::from_secs(1)).unwrap_err();
    assert!(error.to_string().contains("Connection refused"), "{error}");
    assert!(control.last_cause().is_some());
}

#[test]
fn a_name_that_does_not_resolve_is_the_cause() {
    let control = ControlClient::new(&settings("no-such-host.invalid:9092")).unwrap();
    let error = control.describe(&["t"], Duration::from_secs(2)).unwrap_err();
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[test]
fn a_topic_that_we_may_not_see_is_its_own_error() {
    let kafka = MockKafka::new();
    kafka.create_topic("open", 1);
    kafka.create_topic("closed", 1);
    let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    kafka.cluster().topic_error("closed", denied).unwrap();
    let view = kafka.control().describe(&["open", "closed"], Duration::from_secs(20)).unwrap();
    assert!(matches!(view.topics["open"], Ok(TopicState::Present(_))));
    let Err(error @ ControlError::Denied { .. }) = &view.topics["closed"] else { panic!("{view:?}") };
    assert!(error.to_string().contains("closed"), "{error}");
}

#[test]
fn a_topic_partition_without_a_leader_hides_no_other_topic() {
    let kafka = MockKafka::new();
    kafka.create_topic("led", 1);
    kafka.create_topic("leaderless", 2);
    kafka.cluster().partition_leader("leaderless", 1, None).unwrap();
    let control = kafka.control();
    let began = Instant::now();
    let view = control.describe(&["led", "leaderless"], Duration::from_secs(10)).unwrap();
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
    assert!(matches!(view.topics["led"], Ok(TopicState::Present(_))), "{view:?}");
    assert!(matches!(view.topics["leaderless"], Err(ControlError::Unavailable { .. })), "{view:?}");
    kafka.cluster().partition_leader("leaderless", 1, Some(1)).unwrap();
    let view = control.describe(&["led", "leaderless"], Duration::from_secs(20)).unwrap();
    assert!(matches!(view.topics["leaderless"], Ok(TopicState::Present(_))), "{view:?}");
}

#[test]
fn a_group_that_we_may_not_write_is_denied() {
    let kafka = MockKafka::new();
    kafka.create_topic("t", 1);
    let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    kafka.cluster().request_errors(RDKafkaApiKey::OffsetCommit, &[denied]);
    let control = kafka.control();
    let offsets = [(Partition(0), Offset(1))];
    let error = control.publish("g", "t", &offsets, Duration::from_secs(20)).unwrap_err();
    assert!(matches!(error, ControlError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("GROUP_AUTHORIZATION_FAILED"), "{error}");
    control.publish("g", "t", &offsets, Duration::from_secs(20)).unwrap();
}

#[test]
fn ids_are_written_as_kafka_writes_them() {
    assert_eq!(kafka_text("Zq0XnqH5T2y3Qm5j0k+w/A"), "Zq0XnqH5T2y3Qm5j0k-w_A");
}
