use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::figure::{Figure, ratio};
use super::lake::{Head, Heads, check};
use super::machine::{OwnCpu, ticks};
use super::report::thousands;
use super::shape::{ALL, Shape};

#[test]
fn an_order_is_a_function_of_its_number() {
    let orders = Shape::named("orders").unwrap();
    let mut value = b"what was there before".to_vec();
    orders.record(1_234_567, &mut value);
    let expected = r#"{"id":1234567,"user_id":"u_0365317","event":"view","amount":203.23,"currency":"USD","quantity":9,"ts":1700003703701,"session":"6c4f7dbc989944f6","country":"DK","referrer":"ref_40177"}"#;
    assert_eq!(String::from_utf8(value).unwrap(), expected);
    let error = Shape::named("events").unwrap_err().to_string();
    assert_eq!(error, "there is no shape events; there are: orders");
}

#[test]
fn the_records_of_every_shape_have_its_columns() {
    for shape in &ALL {
        let names: BTreeSet<&str> = shape.columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(shape.table_columns().unwrap().len(), names.len());
        let (mut value, mut bytes, mut ids) = (Vec::new(), 0, 0);
        for number in 0..2_000 {
            shape.record(number * 1_000, &mut value);
            bytes += value.len();
            let record: Value = serde_json::from_slice(&value).unwrap();
            let found: BTreeSet<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(found, names, "{}", shape.name);
            ids += record["id"].as_u64().unwrap() / 1_000;
        }
        assert_eq!(ids, Shape::sum_of_ids(2_000), "{}", shape.name);
        if shape.name == "orders" {
            assert!((183..=186).contains(&(bytes / 2_000)), "{} bytes a record", bytes / 2_000);
        }
    }
}

#[test]
fn a_whole_that_costs_twice_its_stages_has_the_ratio_2() {
    let figure = |rows, runs: &[f64]| Figure { rows, bytes: rows * 184, runs: runs.to_vec() };
    // Stages on half of the rows: what counts is the cost of a row.
    let stages = [figure(1_000, &[9.0, 1.0, 2.0]), figure(500, &[0.5, 3.0, 1.0])];
    let whole = figure(1_000, &[8.0, 4.0, 20.0]);
    let (median, best) = ratio(&whole, &stages.iter().collect::<Vec<_>>());
    assert_eq!((median, best), (2.0, 2.0));
    let report = whole.report();
    assert_eq!((&report["rows_per_cpu_s"], &report["best_rows_per_cpu_s"]), (&json!(125.0), &json!(250.0)));
    assert_eq!(whole.ns_per_row(whole.best()), 4e6);
}

#[test]
fn a_process_s_ticks_are_read_behind_its_name() {
    let stat = "14 (a) b) R 1 2 3 0 -1 4194304 98 0 0 0 70 20 5 1 20 0 1 0 2235650 3133440 380";
    assert_eq!(ticks(stat), Some(96));
    assert_eq!(ticks("14 (a) R 1 2 3"), None);
    assert_eq!(ticks(""), None);
}

#[test]
fn cpu_that_is_used_is_counted() {
    let (cpu, began) = (OwnCpu::begin().unwrap(), Instant::now());
    let mut work = 0_u64;
    while cpu.spent().unwrap() < 0.02 {
        work = (0..10_000).fold(work, |sum: u64, next| std::hint::black_box(sum ^ next));
        assert!(began.elapsed() < Duration::from_secs(30), "no CPU is counted ({work})");
    }
}

#[test]
fn a_table_with_other_rows_fails_the_run() {
    let found = |rows: u64, sum: u64, places: u64| json!({"rows": rows, "sum": sum, "places": places});
    check(&found(4, 6, 4), 4).unwrap();
    for (wrong, says) in [
        (found(3, 6, 4), "there are 3 rows, not 4"),
        (found(4, 7, 4), "the column id adds up to 7, not 6"),
        (found(4, 6, 3), "there are 3 different topic partitions and offsets, not 4"),
    ] {
        assert_eq!(check(&wrong, 4).unwrap_err().to_string(), says);
    }
}

#[test]
fn a_head_counts_from_when_it_was_seen_first() {
    let mut heads = Heads::default();
    for (snapshot, seen_ms) in [(7, 10), (7, 20), (9, 30), (9, 40)] {
        heads.note(Head { snapshot, rows: 1, seen_ms });
    }
    assert_eq!(heads.text(), "[[7,10],[9,30]]");
}

#[test]
fn thousands_have_commas() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
}
