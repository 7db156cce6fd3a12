//! `make bench`: measures the program beside it and writes `$K2I_CACHE/bench/report.json`.

use std::fs;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use k2i_tests::bench::{Options, run, shape::Shape};
use k2i_tests::cache;
use k2i_tests::scene::scene_of;

/// Measures what a row costs K2I in CPU time, and how soon it is visible in the table.
#[derive(Parser)]
#[command(name = "k2i-bench")]
struct Args {
    /// The kind of record.
    #[arg(long, default_value = "orders")]
    shape: String,
    /// Rows of the topic.
    #[arg(long, default_value_t = Options::default().rows)]
    rows: u64,
    /// How often each cost is measured.
    #[arg(long, default_value_t = Options::default().repeat)]
    repeat: u32,
    /// Seconds of the steady stream.
    #[arg(long, default_value_t = Options::default().paced_seconds)]
    paced_seconds: u64,
}

fn main() -> Result<()> {
    let Args { shape, rows, repeat, paced_seconds } = Args::parse();
    ensure!(!cfg!(debug_assertions), "this is a debug build, whose figures say nothing: use make bench");
    let shape = Shape::named(&shape)?;
    let options = Options { rows, repeat, paced_seconds, ..Options::default() };
    let report = scene_of("bench", |scene| run(scene, shape, &options))?;
    let folder = cache::root()?.join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join("report.json");
    fs::write(&path, format!("{:#}\n", report.json)).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}\nreport: {}", report.text, path.display());
    Ok(())
}
