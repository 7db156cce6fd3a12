//! One figure: the CPU time of the same work, measured several times.

use serde_json::{Value, json};

/// CPU-seconds of each run over so many rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Rows of one run.
    pub rows: u64,
    /// Bytes of the records' values, as they stand in Kafka.
    pub bytes: u64,
    /// CPU-seconds of each run, in their order.
    pub runs: Vec<f64>,
}

impl Figure {
    /// The run in the middle (of an even number, the dearer of the two in the middle).
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.runs.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The cheapest run: the best guess at the cost where neighbours disturb.
    #[must_use]
    pub fn best(&self) -> f64 {
        self.runs.iter().copied().fold(f64::NAN, f64::min)
    }

    /// Nanoseconds of CPU for a row, of a run that took so many CPU-seconds.
    #[must_use]
    pub fn ns_per_row(&self, seconds: f64) -> f64 {
        seconds * 1e9 / self.rows as f64
    }

    /// As the report has it: of the median; the best run and all runs beside it.
    #[must_use]
    pub fn report(&self) -> Value {
        let rows = |seconds: f64| (self.rows as f64 / seconds).round();
        let megabytes = |seconds: f64| (self.bytes as f64 / seconds / 1e5).round() / 10.0;
        json!({
            "rows_per_cpu_s": rows(self.median()),
            "mb_per_cpu_s": megabytes(self.median()),
            "best_rows_per_cpu_s": rows(self.best()),
            "best_mb_per_cpu_s": megabytes(self.best()),
            "rows": self.rows,
            "cpu_s": self.runs,
        })
    }
}

/// What a row costs as a whole, in what it costs in the stages by themselves: 1.0 would be the stages and nothing else.
/// By medians, and by the best runs.
#[must_use]
pub fn ratio(whole: &Figure, stages: &[&Figure]) -> (f64, f64) {
    let of = |seconds: fn(&Figure) -> f64| {
        let cost = |figure: &Figure| figure.ns_per_row(seconds(figure));
        cost(whole) / stages.iter().map(|stage| cost(stage)).sum::<f64>()
    };
    (of(Figure::median), of(Figure::best))
}
