//! A steady stream: how long a flush takes, and how old a row is when it becomes visible.
//!
//! Both are true values of every cut and of every record, not of samples: a snapshot is visible when a look at the
//! catalog shows it, and looks are 25 ms apart, so that no figure is too low and none is more than a look too high.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::lake::{Heads, Table};
use super::shape::Shape;
use super::{DATABASE, Options, Servers, ingest, machine, show, topic};
use crate::components::Python;
use crate::k2i::K2i;
use crate::scene::Scene;
use crate::wait::{Look, until};

/// How long the stream may take beyond its own time.
const LIMIT: Duration = Duration::from_secs(90);
/// What K2I logs when it begins to read.
const READING: &str = "\"message\":\"reading\"";

/// What was measured.
pub(super) struct Paced {
    /// Records of the stream.
    pub(super) rows: u64,
    /// CPU-seconds from the first record until the last row was visible.
    pub(super) cpu_s: f64,
    /// The most memory that the process had.
    pub(super) peak_rss_mb: u64,
    /// `flush` and `freshness`, each with `count`, `p50`, `p99` and `max` in milliseconds; `live_files`.
    pub(super) times: Value,
}

/// Lets K2I read from an empty topic, then sends at a pace.
///
/// # Errors
/// The table is not what the topic holds, or K2I failed.
pub(super) fn measure(scene: &Scene, servers: &Servers, shape: &Shape, options: &Options) -> Result<Paced> {
    let (bootstrap, name) = (servers.kafka.bootstrap(), format!("{}_paced", shape.name));
    topic::create(&bootstrap, &name)?;
    let table = Table { catalog: &servers.catalog, database: DATABASE, name: name.clone() };
    let mut k2i = ingest::start(scene, servers, &name, shape, &table, options.paced_flush_seconds)?;
    wait_reading(&mut k2i)?;
    let rows = u64::from(options.pace) * options.paced_seconds;
    let limit = LIMIT + Duration::from_secs(options.paced_seconds);
    let (before, mut heads) = (machine::cpu_of(k2i.id())?, Heads::default());
    thread::scope(|scope| {
        let sending = scope.spawn(|| topic::fill(&bootstrap, &name, shape, 0..rows, Some(options.pace)));
        let watched = table.watch(rows, limit, &mut heads, || k2i.expect_running());
        let sent = sending.join().map_err(|_| anyhow!("the producer's thread panicked"))?;
        sent.and(watched)
    })
    .with_context(|| k2i.tail())?;
    let cpu_s = machine::cpu_of(k2i.id())? - before;
    let (peak_rss_mb, log) = (k2i.peak_rss_mb()?, k2i.log());
    k2i.drain()?;
    table.check(scene, rows)?;
    show("steady stream", Some(cpu_s));
    Ok(Paced { rows, cpu_s, peak_rss_mb, times: times(scene, &table, &heads, &log)? })
}

fn wait_reading(k2i: &mut K2i) -> Result<()> {
    k2i.wait_ready()?;
    until("k2i to begin reading", LIMIT, || {
        k2i.expect_running()?;
        let reads = k2i.log().contains(READING);
        Ok(if reads { Look::Done(()) } else { Look::NotYet("it does not read yet".to_owned()) })
    })
    .with_context(|| k2i.tail())
}

fn times(scene: &Scene, table: &Table<'_>, heads: &Heads, log: &str) -> Result<Value> {
    let path = scene.path("paced.log");
    fs::write(&path, log).with_context(|| format!("cannot write {}", path.display()))?;
    let log = path.to_str().context("the cache folder's name is text")?;
    let args = ["times", &table.catalog.url(), &table.full_name(), &heads.text(), log];
    Python::shared()?.ask(scene, "bench_table.py", &args)
}
