//! The metrics of a live process, judged by Prometheus' own tool: names, units, types, help.

use anyhow::ensure;
use k2i_tests::components::promtool;
use k2i_tests::scene::scene;

use super::line::Line;

#[test]
fn prometheus_has_nothing_against_the_metrics() {
    scene("prometheus_has_nothing_against_the_metrics", |scene| {
        let mut line = Line::lay(scene, 1)?;
        line.produce(100)?;
        let mut k2i = line.ingest()?;
        k2i.wait_ready()?;
        // With labels of a table in them, histograms too.
        line.wait_rows(100)?;
        let metrics = k2i.metrics()?;
        ensure!(metrics.contains("table=\""), "no metric has a table yet:\n{metrics}");
        ensure!(promtool(&["check", "metrics"], &metrics)?.is_empty(), "promtool has something to say");
        let wrong = metrics.replacen("_total", "", 2);
        ensure!(promtool(&["check", "metrics"], &wrong).is_err(), "promtool takes anything");
        k2i.drain().map(|_| ())
    });
}
