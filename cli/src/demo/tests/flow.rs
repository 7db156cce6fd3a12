//! Orders come at their pace, and never further ahead of the watermark than the broker's memory allows.

use std::time::{Duration, Instant};

use super::super::broker::{Broker, PARTITIONS};
use super::super::flow::{Ahead, Flow, Pace};

const LIMIT: Duration = Duration::from_secs(60);

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn orders_due_follow_the_pace_and_do_not_pile_up() {
    let start = Instant::now();
    let mut pace = Pace::new(start);
    assert_eq!(pace.due(start + Duration::from_millis(50), 1_000), 50);
    pace.sent(20);
    assert_eq!(pace.due(start + Duration::from_millis(50), 1_000), 30);
    assert_eq!(pace.due(start + Duration::from_secs(60), 1_000), 100, "a tenth of a second's worth");
    assert_eq!(pace.due(start + Duration::from_secs(61), 0), 0);
}

#[test]
fn bytes_ahead_are_counted_from_the_watermark() {
    let mut ahead = Ahead::default();
    for _ in 0..3 {
        ahead.add(1 << 20);
    }
    assert!(ahead.is_full());
    ahead.committed(1);
    assert!(!ahead.is_full());
    ahead.add(1 << 20);
    assert!(ahead.is_full());
    ahead.committed(100);
    assert!(!ahead.is_full());
}

#[test]
fn without_commits_orders_stop_and_with_them_they_go_on() {
    let broker = Broker::start().unwrap();
    let flow = Flow::start(&broker.bootstrap(), PARTITIONS, 1, 1_000_000).unwrap();
    // Full: orders come in their numbers' order, so that one that has to wait holds back all that follow.
    wait("a topic partition to be full", || {
        flow.check().unwrap();
        flow.waits()
    });
    let held = flow.ledger();
    for end in held.ends() {
        assert!((2 << 20..=3 << 20).contains(&(end * 350)), "{end} orders of some 350 bytes are not some 3 MiB");
    }
    for (partition, end) in held.ends().enumerate() {
        flow.committed(partition as i32, end as i64);
    }
    wait("orders after the commit", || flow.acknowledged() > held.count() + 10_000);
    flow.set_pace(0);
    wait("all to be acknowledged", || flow.rests());
    let all = flow.ledger();
    assert_eq!(flow.ledger().count(), all.count());
    let numbers: u64 = all.by_status(1).iter().map(|row| row[1].parse::<u64>().unwrap()).sum();
    assert_eq!(numbers, all.count());
    flow.check().unwrap();
}
