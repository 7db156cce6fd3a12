//! What every source must do.

use std::time::{Duration, Instant};

use k2i_domain::range::{LeaderEpoch, Offset};

use super::case::{Case, PATIENCE, numbered, p};
use crate::kafka::memory::MemoryRecord;
use crate::kafka::source::{EndReason, Position, SourceError, SourceEvent, Start, Token};

pub(super) fn three_partitions_are_read_in_order(kafka: &Case<'_>) {
    kafka.create(3);
    for partition in 0..3 {
        kafka.produce(p(partition), &numbered(0..700 + i64::from(partition)));
    }
    let mut source = kafka.source();
    source
        .assign(&[kafka.start(0, 0, 10), kafka.start(1, 0, 11), kafka.start(2, 0, 12)])
        .expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.records.len() >= 2103);
    for (partition, token) in [(0, 10), (1, 11), (2, 12)] {
        assert_eq!(sink.offsets(token), (0..700 + i64::from(partition)).collect::<Vec<_>>());
        for record in sink.records.iter().filter(|r| r.token == token) {
            assert_eq!(record.partition, partition);
            assert_eq!(record.value, Some(record.offset.to_string().into_bytes()));
        }
        assert_eq!(source.position(Token(token)).expect("it is assigned").offset, Offset(700 + i64::from(partition)));
    }
}

pub(super) fn reading_starts_at_the_offset(kafka: &Case<'_>) {
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..50));
    let mut first = kafka.source();
    first.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *first, |s| s.records.len() >= 50);
    let at = first.position(Token(1)).expect("it is assigned");
    drop(first);
    kafka.produce(p(0), &numbered(50..60));
    let mut second = kafka.source();
    second
        .assign(&[Start { offset: at.offset, leader_epoch: at.leader_epoch, ..kafka.start(0, 0, 2) }])
        .expect("the source takes the call");
    sink.poll_until(&mut *second, |s| s.offsets(2).len() >= 10);
    assert_eq!(sink.offsets(2), (50..60).collect::<Vec<_>>());
}

pub(super) fn a_poll_hands_over_no_more_than_it_may(kafka: &Case<'_>) {
    kafka.create(2);
    kafka.produce(p(0), &numbered(0..40));
    kafka.produce(p(1), &numbered(0..40));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1), kafka.start(1, 0, 2)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    let mut rounds = 0;
    while sink.records.len() < 80 {
        let before = sink.records.len();
        let polled = source.poll(7, Duration::from_millis(100), &mut sink).expect("a source can be polled");
        assert!(polled.records <= 7 && polled.records == sink.records.len() - before);
        let bytes: usize = sink.records[before..].iter().map(|r| r.value.as_ref().map_or(0, Vec::len)).sum();
        assert_eq!(polled.bytes, bytes as u64);
        rounds += 1;
        assert!(rounds < 1000);
    }
    assert_eq!(sink.offsets(1), (0..40).collect::<Vec<_>>());
    assert_eq!(sink.offsets(2), (0..40).collect::<Vec<_>>());
    let polled = source.poll(0, Duration::ZERO, &mut sink).expect("a source can be polled");
    assert_eq!(polled.records, 0);
}

pub(super) fn another_token_begins_anew(kafka: &Case<'_>) {
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..2000));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    while sink.offsets(1).len() < 5 {
        source.poll(5, Duration::from_millis(100), &mut sink).expect("a source can be polled");
    }
    // Hundreds of records lie fetched under token 1.
    source.assign(&[kafka.start(0, 900, 2)]).expect("the source takes the call");
    assert_eq!(source.position(Token(1)), None);
    let old = sink.offsets(1).len();
    sink.poll_until(&mut *source, |s| s.offsets(2).len() >= 1100);
    assert_eq!(sink.offsets(1).len(), old);
    assert_eq!(sink.offsets(2), (900..2000).collect::<Vec<_>>());
    // And back: an earlier offset.
    source.assign(&[kafka.start(0, 3, 3)]).expect("the source takes the call");
    sink.poll_until(&mut *source, |s| s.offsets(3).len() >= 1997);
    assert_eq!(sink.offsets(3), (3..2000).collect::<Vec<_>>());
    assert_eq!(sink.ended(1).or(sink.ended(2)).or(sink.ended(3)), None);
}

pub(super) fn nothing_comes_after_unassign(kafka: &Case<'_>) {
    kafka.create(2);
    kafka.produce(p(0), &numbered(0..500));
    kafka.produce(p(1), &numbered(0..500));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1), kafka.start(1, 0, 2)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    while sink.records.len() < 5 {
        source.poll(5, Duration::from_millis(100), &mut sink).expect("a source can be polled");
    }
    source.unassign(&[Token(1)]).expect("the source takes the call");
    let (before, events) = (sink.offsets(1).len(), sink.caught_up(1).len());
    sink.poll_until(&mut *source, |s| s.offsets(2).len() >= 500);
    kafka.produce(p(0), &numbered(500..510));
    sink.poll_for(&mut *source, Duration::from_millis(200));
    assert_eq!((sink.offsets(1).len(), sink.caught_up(1).len()), (before, events));
    assert_eq!(sink.ended(1), None);
}

pub(super) fn pause_holds_and_resume_goes_on(kafka: &Case<'_>) {
    kafka.create(2);
    kafka.produce(p(0), &numbered(0..500));
    kafka.produce(p(1), &numbered(0..500));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1), kafka.start(1, 0, 2)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    while sink.offsets(1).is_empty() {
        source.poll(5, Duration::from_millis(100), &mut sink).expect("a source can be polled");
    }
    source.pause(&[Token(1)]).expect("the source takes the call");
    source.pause(&[Token(1)]).expect("the source takes the call");
    let held = sink.offsets(1).len();
    sink.poll_until(&mut *source, |s| s.offsets(2).len() >= 500);
    sink.poll_for(&mut *source, Duration::from_millis(200));
    assert_eq!(sink.offsets(1).len(), held);
    assert_eq!(source.position(Token(1)).expect("it is assigned").offset, Offset(held as i64));
    source.resume(&[Token(1), Token(2)]).expect("the source takes the call");
    sink.poll_until(&mut *source, |s| s.offsets(1).len() >= 500);
    assert_eq!(sink.offsets(1), (0..500).collect::<Vec<_>>());
    assert_eq!(sink.offsets(2), (0..500).collect::<Vec<_>>());
}

pub(super) fn a_pause_at_the_end_loses_nothing(kafka: &Case<'_>) {
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..5));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    for round in 1..5 {
        let end = round * 5;
        sink.poll_until(&mut *source, |s| s.caught_up(1).last() == Some(&end));
        source.pause(&[Token(1)]).expect("the source takes the call");
        kafka.produce(p(0), &numbered(end..end + 5));
        source.resume(&[Token(1)]).expect("the source takes the call");
    }
    sink.poll_until(&mut *source, |s| s.offsets(1).len() >= 25);
    assert_eq!(sink.offsets(1), (0..25).collect::<Vec<_>>());
    assert_eq!(sink.ended(1), None);
}

pub(super) fn a_pause_in_the_middle_loses_nothing(kafka: &Case<'_>) {
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..300));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    let deadline = Instant::now() + PATIENCE;
    while sink.records.len() < 300 {
        assert!(Instant::now() < deadline);
        source.poll(17, Duration::from_millis(100), &mut sink).expect("a source can be polled");
        source.pause(&[Token(1)]).expect("the source takes the call");
        source.resume(&[Token(1)]).expect("the source takes the call");
    }
    assert_eq!(sink.offsets(1), (0..300).collect::<Vec<_>>());
    assert_eq!(sink.ended(1), None);
}

pub(super) fn the_end_of_the_log_is_reported_once(kafka: &Case<'_>) {
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..12));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 4, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| !s.caught_up(1).is_empty());
    sink.poll_for(&mut *source, Duration::from_millis(100));
    assert_eq!(sink.caught_up(1), vec![12]);
    assert_eq!(sink.offsets(1), (4..12).collect::<Vec<_>>());
    kafka.produce(p(0), &numbered(12..15));
    sink.poll_until(&mut *source, |s| s.caught_up(1).last() == Some(&15));
    assert_eq!(sink.offsets(1), (4..15).collect::<Vec<_>>());
}

pub(super) fn an_empty_topic_partition_is_caught_up(kafka: &Case<'_>) {
    kafka.create(1);
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| !s.caught_up(1).is_empty());
    let position = Position { offset: Offset(0), leader_epoch: LeaderEpoch::UNKNOWN };
    assert_eq!(sink.events, vec![SourceEvent::CaughtUp { token: Token(1), position }]);
    assert_eq!(source.position(Token(1)), Some(position));
}

pub(super) fn a_start_past_the_end_is_reported_and_not_jumped(kafka: &Case<'_>) {
    kafka.create(2);
    kafka.produce(p(0), &numbered(0..10));
    kafka.produce(p(1), &numbered(0..10));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 11, 1), kafka.start(1, 0, 2)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.ended(1).is_some() && s.offsets(2).len() >= 10);
    let (position, reason) = sink.ended(1).expect("it has ended");
    assert_eq!(position, 11);
    assert!(matches!(reason, EndReason::PositionLost { .. }), "{reason}");
    assert_eq!(source.position(Token(1)), None);
    kafka.produce(p(0), &numbered(10..20));
    sink.poll_for(&mut *source, Duration::from_millis(200));
    assert!(sink.offsets(1).is_empty());
    // The owner decides where to go on.
    source.assign(&[kafka.start(0, 9, 3)]).expect("the source takes the call");
    sink.poll_until(&mut *source, |s| s.offsets(3).len() >= 11);
    assert_eq!(sink.offsets(3), (9..20).collect::<Vec<_>>());
}

pub(super) fn a_missing_topic_ends_the_assignment(kafka: &Case<'_>) {
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.ended(1).is_some());
    let (position, reason) = sink.ended(1).expect("it has ended");
    assert_eq!(position, 0);
    assert!(matches!(reason, EndReason::UnknownTopic { .. }), "{reason}");
    assert!(reason.to_string().contains(&kafka.topic), "{reason}");
    // It appears later.
    kafka.create(1);
    kafka.produce(p(0), &numbered(0..3));
    let mut token = 1;
    while sink.offsets(token).len() < 3 {
        token += 1;
        assert!(token < 100);
        source.assign(&[kafka.start(0, 0, token)]).expect("the source takes the call");
        sink.poll_until(&mut *source, |s| s.offsets(token).len() >= 3 || s.ended(token).is_some());
    }
    assert_eq!(sink.offsets(token), vec![0, 1, 2]);
}

pub(super) fn nulls_and_empties_are_told_apart(kafka: &Case<'_>) {
    kafka.create(1);
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let cases = [
        (None, None),
        (None, bytes("v")),
        (bytes("k"), None),
        (bytes(""), bytes("")),
        (bytes("k"), bytes("v")),
        (None, bytes("")),
        (bytes(""), None),
        (bytes("k\0x"), bytes("\0")),
    ];
    for (key, value) in &cases {
        let record = MemoryRecord { key: key.clone(), value: value.clone(), ..MemoryRecord::default() };
        kafka.produce(p(0), &[record]);
    }
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.records.len() >= cases.len());
    let seen: Vec<_> = sink.records.into_iter().map(|r| (r.key, r.value)).collect();
    assert_eq!(seen, cases);
}

pub(super) fn headers_keep_order_and_repeat(kafka: &Case<'_>) {
    kafka.create(1);
    let header = |name: &str, value: Option<&str>| (name.as_bytes().to_vec(), value.map(|v| v.as_bytes().to_vec()));
    let headers = vec![
        header("trace", Some("1")),
        header("empty", Some("")),
        header("trace", Some("2")),
        header("null", None),
        header("trace", None),
    ];
    let with = MemoryRecord { headers: headers.clone(), value: Some(b"a".to_vec()), ..MemoryRecord::default() };
    kafka.produce(p(0), &[with.clone(), MemoryRecord::default(), with]);
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.records.len() >= 3);
    assert_eq!(sink.records[0].headers, headers);
    assert_eq!(sink.records[1].headers, vec![]);
    assert_eq!(sink.records[2].headers, headers);
}

pub(super) fn timestamps_are_milliseconds(kafka: &Case<'_>) {
    kafka.create(1);
    let at = 1_700_000_000_123;
    kafka.produce(p(0), &[MemoryRecord { timestamp_ms: Some(at), ..MemoryRecord::default() }]);
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| !s.records.is_empty());
    assert_eq!(sink.records[0].timestamp, Some((at, true)));
}

pub(super) fn a_wrong_call_changes_nothing(kafka: &Case<'_>) {
    kafka.create(2);
    kafka.produce(p(0), &numbered(0..5));
    let mut source = kafka.source();
    source.assign(&[kafka.start(0, 0, 1)]).expect("the source takes the call");
    let wrong: [&[Start]; 7] = [
        &[kafka.start(1, 0, 1)],
        &[kafka.start(1, 0, 2), kafka.start(1, 5, 3)],
        &[kafka.start(1, 0, 2), kafka.start(0, 0, 2)],
        &[kafka.start(1, -1, 2)],
        &[kafka.start(-1, 0, 2)],
        &[kafka.start(1, 0, 2), Start { topic: "a\0b".to_owned(), ..kafka.start(0, 0, 3) }],
        &[kafka.start(1, 0, 2), Start { topic: String::new(), ..kafka.start(0, 0, 3) }],
    ];
    for starts in wrong {
        let error = source.assign(starts).expect_err("a wrong call is taken");
        assert!(matches!(error, SourceError::Invalid { .. }), "{starts:?}: {error}");
        assert_eq!(source.position(Token(2)), None);
    }
    let mut sink = kafka.sink();
    sink.poll_until(&mut *source, |s| s.offsets(1).len() >= 5);
}

pub(super) fn unknown_tokens_are_passed_over(kafka: &Case<'_>) {
    let mut source = kafka.source();
    let tokens = [Token(4), Token(5)];
    source.pause(&tokens).expect("the source takes the call");
    source.resume(&tokens).expect("the source takes the call");
    source.unassign(&tokens).expect("the source takes the call");
    source.assign(&[]).expect("the source takes the call");
    assert_eq!(source.position(Token(4)), None);
    let polled = source.poll(10, Duration::from_millis(10), &mut kafka.sink()).expect("a source can be polled");
    assert_eq!(polled.records, 0);
}
