//! `k2i ingest` on a terminal: a progress line under the log, and no log line that it has written into. Elsewhere there
//! is no such line, and no control character.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::k2i::{self, IngestConfig, K2i};
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};

use super::feed::text;

/// What only the progress line says.
const PROGRESS: &str = "records/s | buffered";
const LIMIT: Duration = Duration::from_secs(30);

/// Nobody listens there: what is shown does not need a broker, and warnings come while the line stands.
fn without_kafka(scene: &Scene) -> Result<IngestConfig> {
    IngestConfig::new(scene, "127.0.0.1:1")
}

#[test]
fn progress_on_a_terminal() {
    scene("progress_on_a_terminal", |scene| {
        let config = without_kafka(scene)?.write(scene, "k2i.toml")?;
        let command = [PROGRESS, text(k2i::binary()?)?, "ingest", "--config", text(&config)?];
        let shown = Python::shared()?.ask(scene, "on_terminal.py", &command)?;
        ensure!(shown["status"] == 0, "it ended with {}", shown["status"]);
        ensure!(shown["seen"].as_u64() >= Some(10), "the line was drawn {} times", shown["seen"]);
        let lines = shown["lines"].as_array().context("a screen has lines")?;
        let lines: Vec<&str> = lines.iter().filter_map(|line| line.as_str()).filter(|line| !line.is_empty()).collect();
        ensure!(lines.iter().any(|line| line.contains(" listening ")), "the log is not shown: {lines:#?}");
        for line in lines {
            ensure!(is_log_line(line), "not a whole log line: {line:?}");
        }
        Ok(())
    });
}

#[test]
fn no_progress_elsewhere() {
    scene("no_progress_elsewhere", |scene| {
        let config = without_kafka(scene)?;
        let mut process = K2i::ingest_with(scene, "k2i", &config, &[], &[("K2I__LOG__FORMAT", "text")])?;
        process.wait_live()?;
        until("a warning about Kafka", LIMIT, || {
            process.expect_running()?;
            let log = process.log();
            Ok(if log.contains("WARN") { Look::Done(()) } else { Look::NotYet(log) })
        })?;
        let log = process.log();
        ensure!(!log.contains(PROGRESS), "there is a progress line:\n{log}");
        let control = log.chars().find(|c| c.is_control() && *c != '\n');
        ensure!(control.is_none(), "{control:?} in the log:\n{log}");
        process.drain().map(|_| ())
    });
}

/// A time, a level, and nothing of the progress line.
fn is_log_line(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let time = words.next().unwrap_or_default();
    let level = words.next().unwrap_or_default();
    time.ends_with('Z')
        && time.starts_with("20")
        && matches!(level, "INFO" | "WARN" | "ERROR")
        && !line.contains(PROGRESS)
}
