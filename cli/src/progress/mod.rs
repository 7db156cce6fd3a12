//! One line that says how ingestion goes: records a second, buffered, committed, lag, freshness.
//!
//! ```text
//! metrics page ─▶ Sample ─▶ Meter (two samples make a rate) ─▶ Reading ─▶ its text
//! ```
//!
//! It is made from the metrics that Prometheus would read, so it can say nothing that they do not. On a terminal the
//! line stays in place ([`Terminal`]); elsewhere whoever wants it prints it as text, without control characters.

mod terminal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Instant;

use indicatif::{DecimalBytes, HumanCount};

pub(crate) use terminal::Terminal;

const READ_ROWS: &str = "k2i_worker_read_rows_total";
const BUFFERED: &str = "k2i_worker_buffered_bytes";
const COMMITTED_ROWS: &str = "k2i_coordinator_committed_rows_total";
const LAG: &str = "k2i_worker_lag_offsets";
const FRESHNESS_SUM: &str = "k2i_coordinator_freshness_seconds_sum";
const FRESHNESS_COUNT: &str = "k2i_coordinator_freshness_seconds_count";

/// The metrics at one moment, all tables together. What has no series yet is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sample {
    /// Rows read from Kafka since the process started.
    pub(crate) read_rows: u64,
    /// Rows in committed snapshots since the process started.
    pub(crate) committed_rows: u64,
    /// Bytes that the worker holds.
    pub(crate) buffered_bytes: u64,
    /// Offsets behind the logs' ends, as last looked at.
    pub(crate) lag: u64,
    /// Seconds from produce to visible: sum over commits, and their number.
    pub(crate) freshness: (f64, u64),
}

impl Sample {
    /// Reads a page in Prometheus' text form.
    pub(crate) fn of_page(page: &str) -> Self {
        let number = |name: &str| sum(page, name).max(0.0) as u64;
        Self {
            read_rows: number(READ_ROWS),
            committed_rows: number(COMMITTED_ROWS),
            buffered_bytes: number(BUFFERED),
            lag: number(LAG),
            freshness: (sum(page, FRESHNESS_SUM), number(FRESHNESS_COUNT)),
        }
    }
}

/// The sum of all series of one metric.
fn sum(page: &str, name: &str) -> f64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.as_bytes().first()? {
            b'{' => rest.rsplit_once("} ")?.1,
            b' ' => rest,
            _ => return None,
        };
        value.trim().parse::<f64>().ok()
    };
    page.lines().filter_map(value).sum()
}

/// Turns samples into readings: a rate needs the sample before.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    before: Option<(Instant, Sample)>,
    freshness: Option<f64>,
}

impl Meter {
    /// Takes a sample. Freshness is that of the commits since the sample before, or the last known.
    pub(crate) fn take(&mut self, now: Instant, sample: Sample) -> Reading {
        let before = self.before.replace((now, sample));
        let since = before.map(|(at, before)| (now.duration_since(at).as_secs_f64(), before));
        let rate = match since {
            Some((seconds, before)) if seconds > 0.0 => {
                sample.read_rows.saturating_sub(before.read_rows) as f64 / seconds
            }
            _ => 0.0,
        };
        let (sum, count) = since.map_or((0.0, 0), |(_, before)| before.freshness);
        if sample.freshness.1 > count {
            self.freshness = Some((sample.freshness.0 - sum) / (sample.freshness.1 - count) as f64);
        }
        Reading {
            records_per_second: rate as u64,
            buffered_bytes: sample.buffered_bytes,
            committed_rows: sample.committed_rows,
            lag: sample.lag,
            freshness_seconds: self.freshness,
        }
    }
}

/// What the line says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    /// Rows read a second.
    pub(crate) records_per_second: u64,
    /// Bytes that the worker holds.
    pub(crate) buffered_bytes: u64,
    /// Rows committed.
    pub(crate) committed_rows: u64,
    /// Offsets behind.
    pub(crate) lag: u64,
    /// Seconds from produce to visible; `None` before the first commit.
    pub(crate) freshness_seconds: Option<f64>,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records/s | buffered {} | committed {} | lag {} | freshness ",
            HumanCount(self.records_per_second),
            DecimalBytes(self.buffered_bytes),
            HumanCount(self.committed_rows),
            HumanCount(self.lag),
        )?;
        match self.freshness_seconds {
            Some(seconds) => write!(f, "{seconds:.1} s"),
            None => f.write_str("-"),
        }
    }
}
