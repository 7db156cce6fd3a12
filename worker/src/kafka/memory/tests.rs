//! What only the in-memory cluster can show: holes, retention, truncation, recreated topics.

use std::time::Duration;

use k2i_domain::ids::Partition;
use k2i_domain::range::{LeaderEpoch, Offset};

use super::{MemoryKafka, MemoryRecord};
use crate::kafka::control::{KafkaControl, TopicState};
use crate::kafka::record::Record;
use crate::kafka::source::{EndReason, Position, RecordSink, RecordSource, SourceEvent, Start, Token};

const P: Partition = Partition(0);

#[derive(Default)]
struct Sink(Vec<i64>, Vec<SourceEvent>);

impl RecordSink for Sink {
    fn record(&mut self, record: &Record<'_>) {
        self.0.push(record.offset.0);
    }

    fn event(&mut self, event: SourceEvent) {
        self.1.push(event);
    }
}

fn cluster(records: usize) -> MemoryKafka {
    let kafka = MemoryKafka::new("c");
    kafka.create_topic("t", 1);
    for _ in 0..records {
        kafka.produce("t", P, MemoryRecord::default()).unwrap();
    }
    kafka
}

fn start(offset: i64, epoch: i32) -> Start {
    let (offset, leader_epoch) = (Offset(offset), LeaderEpoch(epoch));
    Start { topic: "t".to_owned(), partition: P, offset, leader_epoch, token: Token(1) }
}

fn read(kafka: &MemoryKafka, from: Start) -> Sink {
    let mut source = kafka.source();
    source.assign(&[from]).unwrap();
    let mut sink = Sink::default();
    source.poll(100, Duration::ZERO, &mut sink).unwrap();
    sink
}

fn lost(sink: &Sink) -> bool {
    matches!(&sink.1[..], [SourceEvent::Ended { reason: EndReason::PositionLost { .. }, .. }])
}

#[test]
fn a_hole_moves_the_position_and_forgets_the_epoch() {
    let kafka = cluster(2);
    kafka.skip("t", P, 3);
    kafka.produce("t", P, MemoryRecord::default()).unwrap();
    kafka.skip("t", P, 2);
    let sink = read(&kafka, start(0, -1));
    assert_eq!(sink.0, [0, 1, 5]);
    let position = Position { offset: Offset(8), leader_epoch: LeaderEpoch::UNKNOWN };
    assert_eq!(sink.1, [SourceEvent::CaughtUp { token: Token(1), position }]);
}

#[test]
fn a_start_before_the_log_is_lost() {
    let kafka = cluster(10);
    kafka.delete_before("t", P, Offset(4));
    assert!(lost(&read(&kafka, start(3, -1))));
    assert_eq!(read(&kafka, start(4, 0)).0, [4, 5, 6, 7, 8, 9]);
    let view = kafka.describe(&["t"], Duration::ZERO).unwrap();
    let Ok(TopicState::Present(topic)) = &view.topics["t"] else { panic!("{view:?}") };
    assert_eq!((topic.partitions[0].log_start, topic.partitions[0].log_end), (Offset(4), Offset(10)));
}

#[test]
fn a_truncated_log_is_seen_at_the_start_and_while_reading() {
    let kafka = cluster(10);
    let mut source = kafka.source();
    source.assign(&[start(0, -1)]).unwrap();
    let mut sink = Sink::default();
    source.poll(100, Duration::ZERO, &mut sink).unwrap();
    kafka.truncate("t", P, Offset(6));
    for _ in 0..6 {
        kafka.produce("t", P, MemoryRecord::default()).unwrap();
    }
    sink.1.clear();
    source.poll(100, Duration::ZERO, &mut sink).unwrap();
    assert_eq!(sink.0, (0..10).collect::<Vec<_>>());
    assert!(lost(&sink));
    assert!(lost(&read(&kafka, start(8, 0))));
    assert_eq!(read(&kafka, start(6, 0)).0, (6..12).collect::<Vec<_>>());
}

#[test]
fn a_recreated_topic_has_another_id() {
    let kafka = cluster(1);
    let first = kafka.describe(&["t"], Duration::ZERO).unwrap().identity("t").unwrap();
    kafka.delete_topic("t");
    let sink = read(&kafka, start(0, -1));
    assert!(matches!(&sink.1[..], [SourceEvent::Ended { reason: EndReason::UnknownTopic { .. }, .. }]));
    kafka.create_topic("t", 1);
    let second = kafka.describe(&["t"], Duration::ZERO).unwrap().identity("t").unwrap();
    assert_ne!(first, second);
}

#[test]
fn a_poll_wakes_up_when_a_record_comes() {
    let kafka = cluster(0);
    let mut source = kafka.source();
    source.assign(&[start(0, -1)]).unwrap();
    let mut sink = Sink::default();
    source.poll(100, Duration::ZERO, &mut sink).unwrap();
    let writer = kafka.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        writer.produce("t", P, MemoryRecord::default()).unwrap();
    });
    let polled = source.poll(100, Duration::from_secs(30), &mut sink).unwrap();
    assert_eq!(polled.records, 1);
    thread.join().unwrap();
}
