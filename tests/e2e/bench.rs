//! The benchmark on a few rows: that it runs, that its report has the promised shape, and that what it measures is what
//! happened. Its figures say nothing in a debug build.

use anyhow::{Context, Result, ensure};
use k2i_tests::bench::{Options, run, shape::Shape};
use k2i_tests::scene::scene;
use serde_json::Value;

const ROWS: u64 = 20_000;
const PACE: u32 = 2_000;
const SECONDS: u64 = 3;

#[test]
fn the_benchmark_reports_what_it_promises() {
    scene("the_benchmark_reports_what_it_promises", |scene| {
        let options = Options {
            rows: ROWS,
            repeat: 1,
            flush_seconds: 1,
            pace: PACE,
            paced_seconds: SECONDS,
            ..Options::default()
        };
        let report = run(scene, Shape::named("orders")?, &options)?;
        println!("{}", report.text);
        check(&report.json).with_context(|| format!("{:#}", report.json))?;
        for part in ["consume", "decode", "encode", "whole (k2i ingest)", "a row's cost", "freshness p50 / p99"] {
            ensure!(report.text.contains(part), "the table says nothing of {part}");
        }
        Ok(())
    });
}

fn check(report: &Value) -> Result<()> {
    ensure!(report["machine"]["cores"].as_u64() > Some(0), "no machine");
    ensure!(report["commit"].as_str().is_some_and(|commit| !commit.is_empty()), "no commit");
    let shapes = report["shapes"].as_array().context("a list of shapes")?;
    let [shape] = shapes.as_slice() else { anyhow::bail!("not one shape") };
    ensure!(shape["shape"] == "orders" && shape["rows"] == ROWS, "not the shape that was asked for");
    let bytes = shape["raw_bytes"].as_u64().context("bytes")?;
    ensure!((ROWS * 180..ROWS * 190).contains(&bytes), "{bytes} bytes");
    for figures in [&shape["stages"]["consume"], &shape["stages"]["decode"], &shape["stages"]["encode"]]
        .into_iter()
        .chain([&shape["reference"]["decode"], &shape["reference"]["encode"], &shape["whole"]])
    {
        for rate in ["rows_per_cpu_s", "mb_per_cpu_s"] {
            ensure!(figures[rate].as_f64() > Some(0.0), "{rate} is {}", figures[rate]);
        }
        ensure!(figures["rows"] == ROWS, "measured on {} rows", figures["rows"]);
    }
    let whole = &shape["whole"];
    ensure!(whole["ratio_to_stages"].as_f64() > Some(0.0), "no ratio");
    ensure!(whole["peak_rss_mb"].as_u64() > Some(0) && whole["live_files"].as_u64() > Some(0), "no memory or files");
    ensure!(whole["files_per_hour"].is_null() && whole.get("files_per_hour").is_some(), "files_per_hour");
    for time in ["flush", "freshness"] {
        let of = |quantile: &str| whole[format!("{time}_{quantile}_ms")].as_f64();
        ensure!(of("p50") > Some(0.0) && of("p99") >= of("p50"), "{time}: {:?}, {:?}", of("p50"), of("p99"));
    }
    paced(&shape["paced"])
}

/// Every record and every cut was timed, and a row cannot be visible before its cut was sealed.
fn paced(paced: &Value) -> Result<()> {
    let rows = u64::from(PACE) * SECONDS;
    ensure!(paced["rows"] == rows && paced["freshness_ms"]["count"] == rows, "not every record was timed");
    ensure!(paced["flush_ms"]["count"] == paced["live_files"], "not every cut was timed");
    // Some second is flushed while the next one comes.
    ensure!(paced["live_files"].as_u64() > Some(1), "one cut alone");
    let longest = |time: &str| paced[time]["max"].as_f64();
    ensure!(longest("freshness_ms") >= longest("flush_ms"), "a cut took longer than its oldest record");
    Ok(())
}
