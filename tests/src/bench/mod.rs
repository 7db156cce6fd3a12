//! The benchmark: what a row costs in each stage of the pipeline alone, what it costs as a whole, and how soon it is
//! visible. One run, one report; `docs/benchmark.md` says how to read it.
//!
//! Invariants:
//! - Costs are CPU time of a process, user and system, never wall time: a shared machine delays a process, and changes
//!   what it uses far less.
//! - A stage is the pipeline's own code with its own settings ([`stages`]), measured in the run that measures the whole.
//! - Whatever was measured did the whole work: PyIceberg reads each table back, and a wrong count or sum fails the run.
//! - A record is a function of its number ([`shape`]): every run measures the same bytes.

pub mod figure;
mod ingest;
pub mod lake;
pub mod machine;
mod paced;
mod reference;
mod report;
pub mod shape;
pub mod stages;
#[cfg(test)]
mod tests;
pub mod topic;
mod whole;

use std::io::{Write, stderr};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use arrow::array::RecordBatch;
use k2i_worker::reader::Batch;
use serde_json::{Value, json};

use crate::components::{Kafka, RestCatalog};
use crate::scene::Scene;
use figure::Figure;
use report::Measured;
use shape::Shape;
use stages::Stages;

/// The namespace of the tables.
const DATABASE: &str = "bench";
/// The catalog's folder in the scene.
const CATALOG: &str = "rest";
/// Rows that decode and encode are measured on: they are held in memory. Of more, the first ones.
const MOST_STAGE_ROWS: u64 = 2_000_000;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// Rows of the full topic.
    pub rows: u64,
    /// How often each cost is measured, at least once.
    pub repeat: u32,
    /// `flush_interval_seconds` while the full topic is read.
    pub flush_seconds: u64,
    /// Records a second of the steady stream.
    pub pace: u32,
    /// Its length in seconds.
    pub paced_seconds: u64,
    /// `flush_interval_seconds` for it.
    pub paced_flush_seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { rows: 2_000_000, repeat: 3, flush_seconds: 5, pace: 10_000, paced_seconds: 60, paced_flush_seconds: 1 }
    }
}

/// A run's outcome.
#[derive(Debug)]
pub struct Report {
    /// For programs.
    pub json: Value,
    /// For people.
    pub text: String,
}

/// The servers of a run.
pub(crate) struct Servers {
    pub(crate) kafka: &'static Kafka,
    pub(crate) catalog: RestCatalog,
}

/// A topic with all its rows.
pub(crate) struct Full {
    pub(crate) topic: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Measures one shape.
///
/// # Errors
/// A server does not start, K2I fails, or a table is not what its topic holds.
pub fn run(scene: &Scene, shape: &Shape, options: &Options) -> Result<Report> {
    ensure!(options.rows > 0 && options.repeat > 0, "rows and repetitions have to be 1 at least");
    ensure!(options.pace > 0 && options.paced_seconds > 0, "the steady stream needs records");
    let load_before = machine::load();
    let servers = Servers { kafka: Kafka::shared()?, catalog: RestCatalog::start_local(&scene.path(CATALOG))? };
    let full = fill(&servers, shape, options.rows)?;
    let [consume, decode, encode, reference_decode, reference_encode] =
        measure_stages(scene, &servers, shape, &full, options.repeat)?;
    let whole = whole::measure(scene, &servers, shape, &full, options)?;
    let paced = paced::measure(scene, &servers, shape, options)?;
    let measured = Measured { consume, decode, encode, reference_decode, reference_encode, whole, paced };
    let (load_after, commit) = (machine::load(), machine::commit());
    let mut described = machine::description();
    described["load_before"] = json!(load_before);
    described["load_after"] = json!(load_after);
    let head = format!(
        "commit {commit}\n{}, {} cores, {} GB, Linux {}; load {load_before} before, {load_after} after\n",
        described["cpu"].as_str().unwrap_or_default(),
        described["cores"],
        described["memory_gb"],
        described["kernel"].as_str().unwrap_or_default(),
    );
    let json = json!({
        "machine": described,
        "commit": commit,
        "unix_time_s": SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        "shapes": [measured.json(shape, &full, options)],
    });
    Ok(Report { json, text: head + &measured.table(shape, &full, options) })
}

fn fill(servers: &Servers, shape: &Shape, rows: u64) -> Result<Full> {
    let (bootstrap, topic) = (servers.kafka.bootstrap(), shape.name.to_owned());
    topic::create(&bootstrap, &topic)?;
    let bytes = topic::fill(&bootstrap, &topic, shape, 0..rows, None)?;
    show(&format!("topic {topic} has its {} rows", report::thousands(rows)), None);
    Ok(Full { topic, rows, bytes })
}

/// Consume, decode, encode, and the two references, each once for nothing (caches, the broker's compiler) and then
/// `repeat` times.
fn measure_stages(scene: &Scene, servers: &Servers, shape: &Shape, full: &Full, repeat: u32) -> Result<[Figure; 5]> {
    let stages = Stages::new(&servers.kafka.bootstrap(), &full.topic, shape)?;
    let mut batches: Vec<Batch> = Vec::new();
    stages.consume(full.rows.min(MOST_STAGE_ROWS), |batch| batches.push(batch))?;
    let mut rows: Vec<RecordBatch> = Vec::new();
    stages.decode(&batches, |batch| rows.push(batch))?;
    let held: u64 = batches.iter().map(|batch| batch.len() as u64).sum();
    let decoded: u64 = rows.iter().map(|batch| batch.num_rows() as u64).sum();
    ensure!(decoded == held, "{held} records became {decoded} rows");
    let bytes: u64 =
        batches.iter().flat_map(Batch::records).map(|record| record.value.map_or(0, <[u8]>::len) as u64).sum();
    let (file, columns) = (scene.path("stage.parquet"), shape.columns.len());
    let figure = |rows, bytes, name: &str, run: &dyn Fn() -> Result<f64>| -> Result<Figure> {
        let runs = (0..repeat).map(|_| run()).collect::<Result<Vec<_>>>()?;
        let figure = Figure { rows, bytes, runs };
        show(name, Some(figure.median()));
        Ok(figure)
    };
    stages.encode(&rows, &file)?;
    Ok([
        figure(full.rows, full.bytes, "consume", &|| stages.consume(full.rows, drop))?,
        figure(held, bytes, "decode", &|| stages.decode(&batches, drop))?,
        figure(held, bytes, "encode", &|| stages.encode(&rows, &file))?,
        figure(held, bytes, "reference: decode", &|| reference::decode(&batches, stages.schema(), columns))?,
        figure(held, bytes, "reference: encode", &|| reference::encode(&rows, stages.schema(), &file))?,
    ])
}

/// The warehouse of the run's catalog.
fn warehouse(scene: &Scene) -> String {
    RestCatalog::local(&scene.path(CATALOG))
}

/// Says on standard error how far the run is: it takes minutes.
fn show(what: &str, cpu_seconds: Option<f64>) {
    let took = cpu_seconds.map(|seconds| format!(": {seconds:.2} CPU-s")).unwrap_or_default();
    // Whoever closed standard error does not want to know.
    let _ = writeln!(stderr(), "  {what}{took}");
}
