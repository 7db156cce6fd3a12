//! Cuts: what records and positions become.

use k2i_domain::ids::{Partition, StreamId};

use super::*;

fn key(partition: i32) -> ChainKey {
    ChainKey { stream: StreamId(0), partition: Partition(partition) }
}

fn two_chains() -> OpenCut {
    let mut cut = OpenCut::default();
    cut.add([
        (key(0), ReadChain::at(Token(1), Epoch(3), Offset(10), LeaderEpoch(5))),
        (key(1), ReadChain::at(Token(2), Epoch(4), Offset(0), LeaderEpoch::UNKNOWN)),
    ]);
    cut
}

#[test]
fn a_cut_covers_every_position_that_was_read() {
    let mut cut = two_chains();
    cut.took(key(0), Offset(10), LeaderEpoch(5), Some(100), true);
    cut.took(key(0), Offset(13), LeaderEpoch(6), Some(90), true);
    cut.took(key(0), Offset(14), LeaderEpoch(6), None, false);
    let ranges = cut.close();
    assert_eq!(ranges.len(), 1);
    assert_eq!((ranges[0].chain, ranges[0].range.from(), ranges[0].range.to()), (key(0), Offset(10), Offset(15)));
    assert_eq!((ranges[0].rows, ranges[0].newest, ranges[0].epoch), (2, Some(Timestamp(100)), Epoch(3)));
    assert_eq!(ranges[0].leader_epoch, LeaderEpoch(6));
}

#[test]
fn the_next_cut_begins_where_the_last_one_ended() {
    let mut cut = two_chains();
    cut.took(key(1), Offset(0), LeaderEpoch(1), Some(1), true);
    cut.close();
    cut.took(key(1), Offset(1), LeaderEpoch(1), Some(2), true);
    let ranges = cut.close();
    assert_eq!((ranges[0].range.from(), ranges[0].range.to(), ranges[0].rows), (Offset(1), Offset(2), 1));
    assert!(cut.close().is_empty());
}

#[test]
fn positions_without_rows_wait_for_rows_or_for_ten_minutes() {
    let mut cut = two_chains();
    let now = Instant::now();
    cut.reached(key(0), Offset(12), LeaderEpoch::UNKNOWN, now);
    assert!(!cut.is_worth_closing(now, false));
    assert!(cut.is_worth_closing(now, true));
    assert!(cut.is_worth_closing(now + ROWLESS_WAIT, false));
    cut.took(key(1), Offset(0), LeaderEpoch(1), Some(1), true);
    assert!(cut.is_worth_closing(now, false));
    let ranges = cut.close();
    assert_eq!(ranges.iter().map(|range| range.rows).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(ranges[0].leader_epoch, LeaderEpoch::UNKNOWN);
}

#[test]
fn a_position_never_goes_back() {
    let mut cut = two_chains();
    cut.took(key(0), Offset(20), LeaderEpoch(5), None, true);
    cut.reached(key(0), Offset(15), LeaderEpoch(1), Instant::now());
    assert!(!cut.is_next(key(0), Offset(20)));
    assert!(cut.is_next(key(0), Offset(21)));
}

#[test]
fn tokens_name_their_chain() {
    let cut = two_chains();
    assert_eq!(cut.chain_of(Token(2)), Some(key(1)));
    assert_eq!(cut.chain_of(Token(9)), None);
}
