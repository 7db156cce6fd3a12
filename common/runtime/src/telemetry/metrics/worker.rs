//! What a worker counts.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::registrar::{MetricDoc, Registrar};

const FLUSH_BUCKETS: [f64; 12] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0];

/// A worker's metrics. Clones share the series.
#[derive(Debug, Clone)]
pub struct WorkerMetrics {
    read_rows: IntCounterVec,
    flush: HistogramVec,
    lag: IntGaugeVec,
    buffered: IntGauge,
    buffer_limit: IntGauge,
    invariant_violations: IntCounterVec,
}

impl WorkerMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    /// When the registry has one of these names already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Self::with_docs(registry).map(|(metrics, _)| metrics)
    }

    pub(super) fn with_docs(registry: &Registry) -> Result<(Self, Vec<MetricDoc>), prometheus::Error> {
        let mut r = Registrar::new(registry);
        let metrics = Self {
            read_rows: r.counters(
                "k2i_worker_read_rows_total",
                "Rows read from Kafka, those read again included.",
                &["table"],
            )?,
            flush: r.histograms(
                "k2i_worker_flush_duration_seconds",
                "Time from the seal of a cut's file until the worker saw the cut committed, of each cut with rows.",
                &["table"],
                &FLUSH_BUCKETS,
            )?,
            lag: r.gauges(
                "k2i_worker_lag_offsets",
                "Offsets between the committed watermark and the end of the log, over the table's topic partitions \
                 of this worker.",
                &["table"],
            )?,
            buffered: r.gauge(
                "k2i_worker_buffered_bytes",
                "Bytes of records and rows that the worker holds: waiting, decoded, encoding, being uploaded. The \
                 Kafka client's queues have a bound of their own and are not counted.",
            )?,
            buffer_limit: r.gauge("k2i_worker_buffer_limit_bytes", "The memory budget (`buffer.max_size_mb`).")?,
            invariant_violations: r.counters(
                "k2i_worker_invariant_violations_total",
                "Invariants found broken, by their name. Anything but 0 is a bug.",
                &["id"],
            )?,
        };
        Ok((metrics, r.into_docs()))
    }

    /// Rows were read.
    pub fn rows_read(&self, table: &str, rows: u64) {
        self.read_rows.with_label_values(&[table]).inc_by(rows);
    }

    /// A cut was seen committed, so long after it was sealed.
    pub fn flushed(&self, table: &str, took: Duration) {
        self.flush.with_label_values(&[table]).observe(took.as_secs_f64());
    }

    /// How far the table is behind, in offsets.
    pub fn set_lag(&self, table: &str, offsets: u64) {
        self.lag.with_label_values(&[table]).set(saturate(offsets));
    }

    /// The table is gone from this worker: its series end.
    pub fn table_forgotten(&self, table: &str) {
        // A series that was never made is no error here.
        let _ = self.read_rows.remove_label_values(&[table]);
        let _ = self.flush.remove_label_values(&[table]);
        let _ = self.lag.remove_label_values(&[table]);
    }

    /// Bytes that count against the budget now.
    pub fn set_buffered(&self, bytes: u64) {
        self.buffered.set(saturate(bytes));
    }

    /// The budget.
    pub fn set_buffer_limit(&self, bytes: u64) {
        self.buffer_limit.set(saturate(bytes));
    }

    /// An invariant was found broken.
    pub fn invariant_violated(&self, id: &'static str) {
        self.invariant_violations.with_label_values(&[id]).inc();
    }
}

fn saturate(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
