//! What every source must do when a topic partition gets a new leader. For clusters that give one on demand.

use k2i_domain::range::{LeaderEpoch, Offset};

use super::Elections;
use super::case::{Case, numbered, p};
use crate::kafka::source::{EndReason, Position, Start, Token};

/// The epoch of a log's first records, as they say it themselves.
fn first_epoch(kafka: &Case<'_>) -> LeaderEpoch {
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 99)]).unwrap();
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| !s.records.is_empty());
    LeaderEpoch(sink.records[0].epoch)
}

pub(super) fn a_start_of_a_truncated_epoch_is_refused(cluster: &dyn Elections) {
    let kafka = &Case::new(cluster, "");
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..5));
    let old = first_epoch(kafka);
    cluster.elect(&kafka.topic, p(0));
    kafka.produce(p(0), &numbered(5..10));
    // Someone read up to 8 under the old epoch, which the log now says ended at 5.
    let mut source = kafka.source();
    source.assign(&[Start { leader_epoch: old, ..kafka.start(0, 8, 1) }]).unwrap();
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.ended(1).is_some());
    let (position, reason) = sink.ended(1).unwrap();
    assert_eq!(position, 8);
    assert!(matches!(reason, EndReason::PositionLost { .. }), "{reason}");
    assert_eq!(sink.records, vec![]);
}

pub(super) fn a_start_of_a_known_epoch_reads_on(cluster: &dyn Elections) {
    let kafka = &Case::new(cluster, "");
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..5));
    let old = first_epoch(kafka);
    cluster.elect(&kafka.topic, p(0));
    kafka.produce(p(0), &numbered(5..10));
    let mut source = kafka.source();
    source.assign(&[Start { leader_epoch: old, ..kafka.start(0, 5, 1) }]).unwrap();
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.records.len() >= 5);
    assert_eq!(sink.offsets(1), (5..10).collect::<Vec<_>>());
    // The same again under another token, while the first is still being taken back.
    source.assign(&[Start { leader_epoch: old, ..kafka.start(0, 4, 2) }]).unwrap();
    sink.poll_until(&mut *source, |s| s.offsets(2).len() >= 6);
    assert_eq!(sink.offsets(2), (4..10).collect::<Vec<_>>());
    assert_eq!(sink.ended(1).or(sink.ended(2)), None);
}

pub(super) fn a_record_of_a_newer_epoch_carries_it(cluster: &dyn Elections) {
    let kafka = &Case::new(cluster, "");
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..5));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).unwrap();
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.records.len() >= 5);
    cluster.elect(&kafka.topic, p(0));
    kafka.produce(p(0), &numbered(5..10));
    sink.poll_until(&mut *source, |s| s.records.len() >= 10);
    let old = sink.records[0].epoch;
    assert!(old >= 0);
    let epochs: Vec<i32> = sink.records.iter().map(|r| r.epoch - old).collect();
    assert_eq!(epochs, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    let position = source.position(Token(1)).unwrap();
    assert_eq!(position, Position { offset: Offset(10), leader_epoch: LeaderEpoch(old + 1) });
}
