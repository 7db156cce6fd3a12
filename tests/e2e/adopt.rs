//! `--adopt`: a process that lost its data folder goes on at once, however long the flush interval is.

use std::fs;
use std::time::Duration;

use anyhow::{Context, ensure};
use k2i_tests::scene::scene;
use k2i_tests::wait::{Look, until};

use super::line::Line;

const ORDERS: u32 = 20_000;
const PER_SECOND: u32 = 4_000;
/// Without the flag, the table's watermark would have to stand still for twice this time first.
const LONG_SECONDS: u64 = 3_600;
/// How long the new life may take to begin.
const ADOPT_LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_lost_data_folder_is_made_up_for_at_once() {
    scene("adopted_at_once", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let production = line.keep_producing(ORDERS, PER_SECOND)?;
        let committed = line.kill_with_rows()?;
        fs::remove_dir_all(&line.config.data_dir)?;

        line.config.flush_interval_seconds = LONG_SECONDS;
        let mut k2i = line.ingest_as(&["--adopt"])?;
        until("the table to be taken over", ADOPT_LIMIT, || {
            k2i.expect_running()?;
            let life = line.identity()?;
            Ok(if life["incarnation"] == 2 { Look::Done(()) } else { Look::NotYet(life.to_string()) })
        })?;
        let tally = production.finish()?;
        let rows = tally["rows"].as_u64().context("a tally counts rows")?;
        ensure!(committed < rows, "everything was committed before the loss, so nothing was shown");
        k2i.wait_read(rows - committed)?;
        let now = line.rows()?;
        ensure!(now == committed, "{now} rows are committed, after {committed}, although nothing was due");
        k2i.drain()?;
        line.check_exact(&tally)
    });
}
