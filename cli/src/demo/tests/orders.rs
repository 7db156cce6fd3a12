//! Orders are a function of seed and number, and what is written is what is counted.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::orders::{COLUMNS, Money, Order};

fn json(order: &Order) -> (Value, usize) {
    let mut out = String::new();
    let at: DateTime<Utc> = DateTime::from_timestamp_millis(1_782_864_000_123).unwrap();
    order.write_json(at, &mut out);
    (serde_json::from_str(&out).unwrap(), out.len())
}

#[test]
fn an_order_is_the_same_each_time() {
    assert_eq!(Order::of(7, 42), Order::of(7, 42));
    assert_ne!(Order::of(7, 42), Order::of(8, 42));
    assert_ne!(Order::of(7, 42).customer, Order::of(7, 43).customer);
}

#[test]
fn what_is_written_is_what_is_counted() {
    let columns: BTreeSet<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut statuses = BTreeSet::new();
    for id in 0..2_000 {
        let order = Order::of(1, id);
        let (value, bytes) = json(&order);
        assert!((180..=460).contains(&bytes), "{bytes} bytes: {value}");
        assert_eq!(value["order_id"], id);
        assert_eq!(value["placed_at"], "2026-07-01T00:00:00.123Z");
        let fields: BTreeSet<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(fields.is_subset(&columns), "{fields:?}");
        let cents = |value: &Value| (value.as_f64().unwrap() * 100.0).round() as u64;
        let items = value["items"].as_array().unwrap();
        let sum: u64 = items.iter().map(|item| cents(&item["price"]) * item["quantity"].as_u64().unwrap()).sum();
        assert_eq!((sum, cents(&value["amount"])), (order.cents(), order.cents()));
        statuses.insert(order.status);
    }
    assert_eq!(statuses.len(), 4);
}

#[test]
fn money_has_two_decimals() {
    let texts = [0, 5, 100, 123_456].map(|cents| Money(cents).to_string());
    assert_eq!(texts, ["0.00", "0.05", "1.00", "1234.56"]);
}
