//! Names, values and the freshness of the reference page.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k2i_domain::lake::Outcome;
use prometheus::{Registry, TextEncoder};

use super::*;
use crate::generated::assert_fresh;

fn text(registry: &Registry) -> String {
    TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
}

fn docs() -> Vec<MetricDoc> {
    let registry = Registry::new();
    let (_, mut docs) = CoordinatorMetrics::with_docs(&registry, Arc::new(|| 0.0)).unwrap();
    docs.extend(WorkerMetrics::with_docs(&registry).unwrap().1);
    docs
}

#[test]
fn page_is_fresh() {
    assert_fresh("docs/reference/metrics.md", &reference_page().unwrap());
}

#[test]
fn names_follow_the_grammar() {
    for doc in docs() {
        let rest = doc.name.strip_prefix("k2i_coordinator_").or_else(|| doc.name.strip_prefix("k2i_worker_"));
        assert!(rest.is_some(), "{doc:?}");
        assert_eq!(doc.name.ends_with("_total"), doc.kind == "counter", "{doc:?}");
        if doc.kind == "histogram" {
            assert!(doc.name.ends_with("_seconds"), "{doc:?}");
        }
        assert!(doc.help.ends_with('.') && !doc.help.contains('|'), "{doc:?}");
        assert!(
            doc.labels.iter().all(|label| ["table", "outcome", "change", "id"].contains(&label.as_str())),
            "{doc:?}"
        );
    }
}

#[test]
fn commits_are_counted() {
    let registry = Registry::new();
    let metrics = CoordinatorMetrics::new(&registry, Arc::new(|| 0.0)).unwrap();
    metrics.committed("a.b", 5, Some(Duration::from_millis(700)));
    metrics.committed("a.b", 7, None);
    metrics.commit_answered("a.b", &Outcome::Unknown("timeout".into()), Duration::from_secs(3));
    metrics.fenced("a.b");
    metrics.assignment_changed(AssignmentChange::Realigned);
    metrics.invariant_violated("no_gap");
    let text = text(&registry);
    for line in [
        "k2i_coordinator_committed_rows_total{table=\"a.b\"} 12",
        "k2i_coordinator_freshness_seconds_bucket{table=\"a.b\",le=\"0.5\"} 0",
        "k2i_coordinator_freshness_seconds_bucket{table=\"a.b\",le=\"1\"} 1",
        "k2i_coordinator_commit_duration_seconds_sum 3",
        "k2i_coordinator_commits_total{outcome=\"unknown\",table=\"a.b\"} 1",
        "k2i_coordinator_fenced_manifests_total{table=\"a.b\"} 1",
        "k2i_coordinator_assignment_changes_total{change=\"realigned\"} 1",
        "k2i_coordinator_invariant_violations_total{id=\"no_gap\"} 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
}

#[test]
fn commit_age_grows_while_nothing_is_committed() {
    let now = Arc::new(AtomicU64::new(100));
    let clock = now.clone();
    let registry = Registry::new();
    let metrics = CoordinatorMetrics::new(&registry, Arc::new(move || clock.load(Ordering::SeqCst) as f64)).unwrap();
    let age = |table: &str| {
        let text = text(&registry);
        let series = format!("k2i_coordinator_last_commit_age_seconds{{table=\"{table}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&series).map(|age| age.parse::<f64>().unwrap()))
    };
    assert_eq!(age("a.b"), None);
    metrics.table_known("a.b");
    now.store(130, Ordering::SeqCst);
    assert_eq!(age("a.b"), Some(30.0));
    metrics.committed("a.b", 1, None);
    metrics.table_known("a.b");
    now.store(135, Ordering::SeqCst);
    assert_eq!(age("a.b"), Some(5.0));
    now.store(90, Ordering::SeqCst);
    assert_eq!(age("a.b"), Some(0.0));
    metrics.table_forgotten("a.b");
    assert!(!text(&registry).contains("a.b"), "{}", text(&registry));
}

#[test]
fn a_worker_counts_what_it_holds_and_does() {
    let registry = Registry::new();
    let metrics = WorkerMetrics::new(&registry).unwrap();
    metrics.set_buffered(10);
    metrics.set_buffer_limit(524_288_000);
    metrics.set_lag("a.b", 4);
    metrics.rows_read("a.b", 9);
    metrics.flushed("a.b", Duration::from_millis(300));
    metrics.set_lag("c.d", 1);
    metrics.flushed("c.d", Duration::from_secs(1));
    metrics.table_forgotten("c.d");
    let text = text(&registry);
    for line in [
        "k2i_worker_buffered_bytes 10",
        "k2i_worker_buffer_limit_bytes 524288000",
        "k2i_worker_lag_offsets{table=\"a.b\"} 4",
        "k2i_worker_read_rows_total{table=\"a.b\"} 9",
        "k2i_worker_flush_duration_seconds_bucket{table=\"a.b\",le=\"0.25\"} 0",
        "k2i_worker_flush_duration_seconds_bucket{table=\"a.b\",le=\"0.5\"} 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("c.d"), "{text}");
}

#[test]
fn a_second_registration_is_refused() {
    let registry = Registry::new();
    WorkerMetrics::new(&registry).unwrap();
    assert!(WorkerMetrics::new(&registry).is_err());
}
