//! SIGTERM: what was read is committed, and published, before the process ends.

use std::time::Duration;

use anyhow::{Context, ensure};
use k2i_tests::http::metric;
use k2i_tests::scene::scene;
use k2i_tests::wait::{Look, until};

use super::line::Line;

/// Far longer than the test: nothing is committed because its time has come.
const NEVER_SECONDS: u64 = 3_600;
const READ_LIMIT: Duration = Duration::from_secs(60);

#[test]
fn sigterm_drains() {
    scene("sigterm_drains", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let tally = line.produce(20_000)?;
        line.config.flush_interval_seconds = NEVER_SECONDS;
        let mut k2i = line.ingest()?;
        k2i.wait_ready()?;
        until("all rows to be read", READ_LIMIT, || {
            k2i.expect_running()?;
            let read = metric(&k2i.metrics()?, "k2i_worker_read_rows_total").unwrap_or(0.0);
            Ok(if read >= 20_000.0 { Look::Done(()) } else { Look::NotYet(format!("{read} rows")) })
        })?;
        let before = line.rows()?;
        ensure!(before == 0, "{before} rows are committed although nothing was due");

        println!("drained in {:?}", k2i.drain()?);
        line.check_exact(&tally)?;
        let (ends, watermark) = (line.ends()?, line.watermark().context("the table's watermark")?);
        ensure!(watermark == ends, "the watermark is {watermark:?}, the topic ends at {ends:?}");
        let published = line.published()?;
        ensure!(published == watermark, "published {published:?}, the watermark is {watermark:?}");

        // The next life finds nothing left to do.
        let mut k2i = line.ingest()?;
        k2i.wait_ready()?;
        k2i.drain()?;
        line.check_exact(&tally)
    });
}
