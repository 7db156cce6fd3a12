//! What only the real client has: errors of brokers, retention, and what is served on the polling thread.

use std::time::{Duration, Instant};

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::kafka::conformance::Fixture;
use crate::kafka::kafka_source::KafkaSource;
use crate::kafka::memory::MemoryRecord;
use crate::kafka::mock::{MockKafka, settings};
use crate::kafka::record::Record;
use crate::kafka::source::{EndReason, RecordSink, RecordSource, SourceEvent, Start, Token};

#[derive(Default)]
struct Sink {
    offsets: Vec<i64>,
    events: Vec<SourceEvent>,
    panic_at: Option<i64>,
}

impl RecordSink for Sink {
    fn record(&mut self, record: &Record<'_>) {
        assert_ne!(Some(record.offset.0), self.panic_at);
        self.offsets.push(record.offset.0);
    }

    fn event(&mut self, event: SourceEvent) {
        self.events.push(event);
    }
}

impl Sink {
    fn poll_until(&mut self, source: &mut KafkaSource, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !done(self) {
            assert!(Instant::now() < deadline, "{} records, {:?}", self.offsets.len(), self.events);
            source.poll(10_000, Duration::from_millis(100), self).unwrap();
        }
    }

    fn ended(&self) -> Option<&EndReason> {
        self.events.iter().find_map(|event| match event {
            SourceEvent::Ended { reason, .. } => Some(reason),
            SourceEvent::CaughtUp { .. } | SourceEvent::Trouble { .. } => None,
        })
    }
}

fn start(offset: i64) -> Start {
    Start {
        topic: "t".to_owned(),
        partition: Partition(0),
        offset: Offset(offset),
        leader_epoch: LeaderEpoch::UNKNOWN,
        token: Token(1),
    }
}

fn records(count: usize, bytes: usize) -> Vec<MemoryRecord> {
    vec![MemoryRecord { value: Some(vec![b'x'; bytes]), ..MemoryRecord::default() }; count]
}

#[test]
fn a_start_below_the_log_is_reported_and_not_jumped() {
    let kafka = MockKafka::new();
    kafka.create_topic("t", 1);
    for _ in 0..8 {
        kafka.produce("t", Partition(0), &records(10, 100_000));
    }
    let view = kafka.control().describe(&["t"], Duration::from_secs(20)).unwrap();
    let Ok(crate::kafka::TopicState::Present(topic)) = &view.topics["t"] else { panic!("{view:?}") };
    let log = topic.partitions[0];
    assert!(log.log_start > Offset(0) && log.log_end == Offset(80), "the mock keeps 5 MiB: {log:?}");
    let mut source = kafka.kafka_source();
    source.assign(&[start(0)]).unwrap();
    let mut sink = Sink::default();
    sink.poll_until(&mut source, |s| s.ended().is_some());
    assert!(matches!(sink.ended(), Some(EndReason::PositionLost { .. })), "{:?}", sink.ended());
    assert!(sink.offsets.is_empty());
    source.assign(&[start(log.log_start.0)]).unwrap();
    sink.poll_until(&mut source, |s| s.offsets.last() == Some(&79));
    assert_eq!(sink.offsets, (log.log_start.0..80).collect::<Vec<_>>());
}

#[test]
fn a_brokers_refusal_ends_the_assignment_with_its_name() {
    let kafka = MockKafka::new();
    kafka.create_topic("t", 1);
    kafka.produce("t", Partition(0), &records(3, 1));
    let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    kafka.cluster().request_errors(RDKafkaApiKey::Fetch, &[denied; 20]);
    let mut source = kafka.kafka_source();
    source.assign(&[start(0)]).unwrap();
    let mut sink = Sink::default();
    sink.poll_until(&mut source, |s| s.ended().is_some());
    let Some(EndReason::Denied { detail }) = sink.ended() else { panic!("{:?}", sink.ended()) };
    assert!(detail.contains("TOPIC_AUTHORIZATION_FAILED"), "{detail}");
    kafka.cluster().clear_request_errors(RDKafkaApiKey::Fetch);
    source.assign(&[start(0)]).unwrap();
    sink.poll_until(&mut source, |s| s.offsets.len() >= 3);
    assert_eq!(sink.offsets, [0, 1, 2]);
}

#[test]
fn passing_trouble_is_told_and_outlived() {
    let kafka = MockKafka::new();
    kafka.create_topic("t", 1);
    kafka.produce("t", Partition(0), &records(3, 1));
    let mut source = kafka.kafka_source();
    source.assign(&[start(0)]).unwrap();
    let mut sink = Sink::default();
    sink.poll_until(&mut source, |s| s.offsets.len() >= 3);
    kafka.cluster().broker_down(-1).unwrap();
    sink.poll_until(&mut source, |s| s.events.iter().any(|e| matches!(e, SourceEvent::Trouble { .. })));
    assert!(source.last_cause().is_some());
    kafka.cluster().broker_up(-1).unwrap();
    kafka.produce("t", Partition(0), &records(3, 1));
    sink.poll_until(&mut source, |s| s.offsets.len() >= 6);
    assert_eq!(sink.offsets, (0..6).collect::<Vec<_>>());
    assert_eq!(sink.ended(), None);
    assert_eq!(source.last_cause(), None);
}

#[test]
fn an_unreachable_server_is_told_with_its_cause() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut source = KafkaSource::new(&settings(&format!("127.0.0.1:{port}"))).unwrap();
    source.assign(&[start(0)]).unwrap();
    let mut sink = Sink::default();
    sink.poll_until(&mut source, |s| !s.events.is_empty());
    assert!(source.last_cause().unwrap().contains("Connection refused"), "{:?}", source.last_cause());
    let began = Instant::now();
    drop(source);
    assert!(began.elapsed() < Duration::from_secs(10), "closing waits for nobody");
}

#[test]
fn a_poll_returns_as_soon_as_there_is_something() {
    let kafka = MockKafka::new();
    kafka.create_topic("t", 1);
    kafka.produce("t", Partition(0), &records(3, 1));
    let mut source = kafka.kafka_source();
    source.assign(&[start(0)]).unwrap();
    let mut sink = Sink::default();
    let began = Instant::now();
    while sink.offsets.len() < 3 {
        source.poll(10_000, Duration::from_secs(30), &mut sink).unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_panic_of_the_sink_frees_the_batch() {
    let kafka = MockKafka::new();
    kafka.create_topic("t", 1);
    kafka.produce("t", Partition(0), &records(200, 10));
    let mut source = kafka.kafka_source();
    source.assign(&[start(0)]).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut sink = Sink { panic_at: Some(50), ..Sink::default() };
        sink.poll_until(&mut source, |s| s.offsets.len() >= 200);
    }));
    assert!(caught.is_err());
    // Messages that are not freed would keep the client from closing.
    drop(source);
}

#[test]
fn many_topic_partitions_come_and_go() {
    let kafka = MockKafka::new();
    kafka.create_topic("t", 40);
    for partition in 0..40 {
        kafka.produce("t", Partition(partition), &records(5, 10));
    }
    let mut source = kafka.kafka_source();
    let mut sink = Sink::default();
    for round in 0..5_u64 {
        let starts: Vec<Start> = (0..40)
            .map(|partition| Start {
                partition: Partition(partition),
                token: Token(round * 100 + u64::try_from(partition).unwrap()),
                ..start(0)
            })
            .collect();
        source.assign(&starts).unwrap();
        sink.offsets.clear();
        sink.poll_until(&mut source, |s| s.offsets.len() >= 200);
        assert_eq!(sink.offsets.len(), 200);
        if round % 2 == 0 {
            source.unassign(&starts.iter().map(|s| s.token).collect::<Vec<_>>()).unwrap();
        }
    }
    assert_eq!(sink.ended(), None);
}
