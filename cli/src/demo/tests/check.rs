//! The comparison can fail: every kind of mistake is found.

use super::super::check::{Comparison, Found};
use super::super::ledger::Ledger;

fn ledger() -> Ledger {
    let mut ledger = Ledger::new(2);
    for (partition, offset, order) in [(0, 0, 10), (1, 0, 11), (0, 1, 12), (0, 2, 13)] {
        ledger.acknowledge(partition, offset, order).unwrap();
    }
    ledger
}

const ROWS: [(i32, i64, i64); 4] = [(0, 2, 13), (1, 0, 11), (0, 0, 10), (0, 1, 12)];

fn compare(rows: &[(i32, i64, i64)]) -> Found {
    let ledger = ledger();
    let mut comparison = Comparison::with(&ledger);
    for (partition, offset, order) in rows {
        comparison.row(*partition, *offset, *order);
    }
    comparison.finish()
}

#[test]
fn the_same_rows_in_another_order_are_exact() {
    let found = compare(&ROWS);
    assert_eq!(found, Found { rows: 4, ..Found::default() });
    assert!(found.is_exact());
}

#[test]
fn a_missing_row_is_found() {
    let found = compare(&ROWS[1..]);
    assert_eq!(found, Found { rows: 3, missing: 1, ..Found::default() });
    assert!(!found.is_exact());
}

#[test]
fn a_row_that_is_there_twice_is_found() {
    let found = compare(&[&ROWS[..], &ROWS[..1]].concat());
    assert_eq!(found, Found { rows: 5, doubled: 1, ..Found::default() });
    assert!(!found.is_exact());
}

#[test]
fn rows_that_nobody_acknowledged_are_found() {
    for foreign in [(0, 3, 14), (2, 0, 1), (-1, 0, 1), (0, -1, 1)] {
        let found = compare(&[&ROWS[..], &[foreign]].concat());
        assert_eq!(found, Found { rows: 5, foreign: 1, ..Found::default() }, "{foreign:?}");
        assert!(!found.is_exact());
    }
    // The right place with another order: one is foreign, and the right one is missing.
    let found = compare(&[(0, 2, 99), ROWS[1], ROWS[2], ROWS[3]]);
    assert_eq!(found, Found { rows: 4, foreign: 1, missing: 1, ..Found::default() });
}

#[test]
fn an_acknowledgement_out_of_order_is_refused() {
    let mut ledger = ledger();
    for (partition, offset) in [(0, 4), (0, 2), (1, -1), (2, 0)] {
        ledger.acknowledge(partition, offset, 1).unwrap_err();
    }
    assert_eq!(ledger.count(), 4);
    ledger.acknowledge(1, 1, 20).unwrap();
    let rows = [["0", "3", "3", "0", "2", "35"], ["1", "2", "2", "0", "1", "31"]];
    assert_eq!(ledger.by_partition(), rows);
    let orders: u64 = ledger.by_status(1).iter().map(|row| row[1].parse::<u64>().unwrap()).sum();
    assert_eq!(orders, 5);
}
