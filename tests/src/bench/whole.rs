//! The whole: `k2i ingest` from an empty table until every row of a full topic is visible in the catalog.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::figure::Figure;
use super::lake::{Heads, Table};
use super::shape::Shape;
use super::{DATABASE, Full, Options, Servers, ingest, machine, show};
use crate::scene::Scene;

/// Time that a run may take beyond that of its rows.
const SETUP_LIMIT: Duration = Duration::from_secs(120);
/// Far fewer than any machine reads.
const LEAST_ROWS_PER_SECOND: u64 = 5_000;

/// What was measured.
pub(super) struct Whole {
    /// CPU of the process, from its start until the last row was visible: what it takes to start is in it.
    pub(super) cpu: Figure,
    /// Seconds from its start until the last row was visible, of each run.
    pub(super) wall: Vec<f64>,
    /// The most memory that any run had.
    pub(super) peak_rss_mb: u64,
    /// CPU-seconds of the last run by thread, of those that lived at its end.
    pub(super) threads: BTreeMap<String, f64>,
    /// Data files of the last run's table.
    pub(super) live_files: u64,
}

/// Runs it `options.repeat` times, each into a table of its own, and checks each table.
///
/// # Errors
/// A table is not what the topic holds, or K2I failed.
pub(super) fn measure(
    scene: &Scene,
    servers: &Servers,
    shape: &Shape,
    full: &Full,
    options: &Options,
) -> Result<Whole> {
    let cpu = Figure { rows: full.rows, bytes: full.bytes, runs: Vec::new() };
    let mut whole = Whole { cpu, wall: Vec::new(), peak_rss_mb: 0, threads: BTreeMap::new(), live_files: 0 };
    for run in 1..=options.repeat {
        let name = format!("{}_{run}", shape.name);
        let table = Table { catalog: &servers.catalog, database: DATABASE, name };
        run_once(scene, servers, shape, full, options, &table, &mut whole)
            .with_context(|| format!("run {run} of {}", options.repeat))?;
        show(&format!("whole, run {run} of {}", options.repeat), whole.cpu.runs.last().copied());
    }
    Ok(whole)
}

fn run_once(
    scene: &Scene,
    servers: &Servers,
    shape: &Shape,
    full: &Full,
    options: &Options,
    table: &Table<'_>,
    whole: &mut Whole,
) -> Result<()> {
    let limit = SETUP_LIMIT + Duration::from_secs(full.rows / LEAST_ROWS_PER_SECOND);
    let began = Instant::now();
    let mut k2i = ingest::start(scene, servers, &full.topic, shape, table, options.flush_seconds)?;
    table.watch(full.rows, limit, &mut Heads::default(), || k2i.expect_running()).with_context(|| k2i.tail())?;
    whole.cpu.runs.push(machine::cpu_of(k2i.id())?);
    whole.threads = machine::cpu_by_thread(k2i.id())?;
    whole.wall.push(began.elapsed().as_secs_f64());
    whole.peak_rss_mb = whole.peak_rss_mb.max(k2i.peak_rss_mb()?);
    k2i.drain()?;
    whole.live_files = table.check(scene, full.rows)?;
    Ok(())
}
