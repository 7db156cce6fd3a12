//! The report: JSON for programs, a table for people. What the fields mean is in `docs/benchmark.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::figure::{Figure, ratio};
use super::paced::Paced;
use super::shape::Shape;
use super::whole::Whole;
use super::{Full, Options, topic};

/// The figures of one shape.
pub(super) struct Measured {
    pub(super) consume: Figure,
    pub(super) decode: Figure,
    pub(super) encode: Figure,
    pub(super) reference_decode: Figure,
    pub(super) reference_encode: Figure,
    pub(super) whole: Whole,
    pub(super) paced: Paced,
}

impl Measured {
    fn ratio(&self) -> (f64, f64) {
        ratio(&self.whole.cpu, &[&self.consume, &self.decode, &self.encode])
    }

    /// The entry of `shapes`.
    pub(super) fn json(&self, shape: &Shape, full: &Full, options: &Options) -> Value {
        let (ratio, best_ratio) = self.ratio();
        let mut whole = self.whole.cpu.report();
        let hundredths = |value: f64| (value * 100.0).round() / 100.0;
        let threads: BTreeMap<_, _> =
            self.whole.threads.iter().map(|(name, seconds)| (name, hundredths(*seconds))).collect();
        let flush = &self.paced.times["flush"];
        let freshness = &self.paced.times["freshness"];
        for (name, value) in [
            ("ratio_to_stages", json!(hundredths(ratio))),
            ("best_ratio_to_stages", json!(hundredths(best_ratio))),
            ("peak_rss_mb", json!(self.whole.peak_rss_mb)),
            ("flush_p50_ms", flush["p50"].clone()),
            ("flush_p99_ms", flush["p99"].clone()),
            ("freshness_p50_ms", freshness["p50"].clone()),
            ("freshness_p99_ms", freshness["p99"].clone()),
            ("live_files", json!(self.whole.live_files)),
            // The run is too short to say.
            ("files_per_hour", Value::Null),
            ("flush_interval_s", json!(options.flush_seconds)),
            ("threads_cpu_s", json!(threads)),
            ("wall_s", json!(self.whole.wall.iter().copied().map(hundredths).collect::<Vec<_>>())),
        ] {
            whole[name] = value;
        }
        json!({
            "shape": shape.name,
            "rows": full.rows,
            "raw_bytes": full.bytes,
            "topic_partitions": topic::PARTITIONS,
            "compression": topic::COMPRESSION,
            "catalog": "Iceberg's REST reference server",
            "store": "local folder",
            "stages": {
                "consume": self.consume.report(),
                "decode": self.decode.report(),
                "encode": self.encode.report(),
            },
            "reference": {
                "decode": self.reference_decode.report(),
                "encode": self.reference_encode.report(),
            },
            "whole": whole,
            "paced": {
                "rows": self.paced.rows,
                "rows_per_s": options.pace,
                "flush_interval_s": options.paced_flush_seconds,
                "cpu_s": hundredths(self.paced.cpu_s),
                "rows_per_cpu_s": (self.paced.rows as f64 / self.paced.cpu_s).round(),
                "peak_rss_mb": self.paced.peak_rss_mb,
                "flush_ms": flush,
                "freshness_ms": freshness,
                "live_files": self.paced.times["live_files"],
            },
        })
    }

    /// The same for a person.
    pub(super) fn table(&self, shape: &Shape, full: &Full, options: &Options) -> String {
        let mut text = format!(
            "{}: {} rows, {:.1} MB of JSON ({:.1} bytes a row), {} topic partitions, {}\n\
             Iceberg's REST reference server, local folder; {} runs, the median of each\n\n\
             {:36}{:>13}{:>11}{:>10}{:>9}\n",
            shape.name,
            thousands(full.rows),
            full.bytes as f64 / 1e6,
            full.bytes as f64 / full.rows as f64,
            topic::PARTITIONS,
            topic::COMPRESSION,
            options.repeat,
            "",
            "rows/CPU-s",
            "MB/CPU-s",
            "ns/row",
            "best",
        );
        let mut line = |name: &str, figure: &Figure| {
            let rate = (figure.rows as f64 / figure.median()).round();
            let megabytes = figure.bytes as f64 / figure.median() / 1e6;
            let (row, best) = (figure.ns_per_row(figure.median()), figure.ns_per_row(figure.best()));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<34}{:>13}{megabytes:>11.1}{row:>10.0}{best:>9.0}", thousands(rate as u64));
        };
        line("consume", &self.consume);
        line("decode", &self.decode);
        line("encode", &self.encode);
        line("whole (k2i ingest)", &self.whole.cpu);
        line("reference: arrow-json", &self.reference_decode);
        line("reference: parquet's own defaults", &self.reference_encode);
        self.rest(&mut text, options);
        text
    }

    fn rest(&self, text: &mut String, options: &Options) {
        let ((ratio, best), times) = (self.ratio(), &self.paced.times);
        let spread = |what: &str| format!("{} / {} ms", times[what]["p50"], times[what]["p99"]);
        let pace = format!(
            "{} records/s for {} s, flushed every {} s",
            thousands(u64::from(options.pace)),
            options.paced_seconds,
            options.paced_flush_seconds
        );
        for (name, value) in [
            ("a row's cost, whole / stages", format!("{ratio:.2} (best runs {best:.2}); 1.00 is the stages alone")),
            ("peak memory", format!("{} MB", self.whole.peak_rss_mb)),
            ("live data files", format!("{}, flushed every {} s", self.whole.live_files, options.flush_seconds)),
            ("flush p50 / p99", format!("{}, {} cuts at {pace}", spread("flush"), times["flush"]["count"])),
            ("freshness p50 / p99", format!("{}, every record of them", spread("freshness"))),
        ] {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {name:<34}{value}");
        }
        text.push('\n');
    }
}

/// A number with commas.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let comma = |(at, digit): (usize, char)| {
        let before = (at > 0 && (digits.len() - at).is_multiple_of(3)).then_some(',');
        before.into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(comma).collect()
}
