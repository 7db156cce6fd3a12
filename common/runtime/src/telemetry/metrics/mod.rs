//! Metrics, one struct per component, registered in a registry that is passed in.
//!
//! Names follow one grammar: `k2i_<component>_<noun>_<unit>[_total]`, base units. Label values are tables of the
//! configuration or words of an enumeration, never anything that grows with the data. `docs/reference/metrics.md` is made
//! from what is registered here.

mod coordinator;
mod registrar;
#[cfg(test)]
mod tests;
mod worker;

pub use coordinator::{AssignmentChange, Clock, CoordinatorMetrics};
pub use registrar::MetricDoc;
pub use worker::WorkerMetrics;

use std::fmt::Write as _;

const PAGE_HEAD: &str = "\
# Metrics

<!-- Made from common/runtime/src/telemetry/metrics (K2I_UPDATE=1 cargo test -p k2i-runtime): do not edit. -->

Served in the Prometheus text format at `/metrics` on `http.metrics_address` (127.0.0.1:9090 by default). `k2i ingest`
serves both components. A `table` label is the table's `database.table`.

| Metric | Type | Labels | What it says |
|---|---|---|---|
";

/// `docs/reference/metrics.md`.
///
/// # Errors
/// When two metrics share a name.
pub fn reference_page() -> Result<String, prometheus::Error> {
    let registry = prometheus::Registry::new();
    let (_, coordinator) = CoordinatorMetrics::with_docs(&registry, std::sync::Arc::new(|| 0.0))?;
    let (_, worker) = WorkerMetrics::with_docs(&registry)?;
    let mut page = PAGE_HEAD.to_owned();
    for doc in coordinator.iter().chain(&worker) {
        let labels: Vec<String> = doc.labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", doc.name, doc.kind, labels.join(", "), doc.help);
    }
    Ok(page)
}
