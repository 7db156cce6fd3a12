//! Records that are odd by size or by time, in the smallest memory that K2I runs with.

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::scene::{Scene, scene};
use serde_json::Value;

use super::feed::Feed;
use super::several::Several;
use super::table::ENGINES;

/// The least that one reader and one table are allowed: a record of 5 MiB is larger than what they fetch at a time.
const MAX_SIZE_MB: u64 = 32;
/// Records of 8 MiB; times of twenty years ago, and of next year.
const SETTINGS: [&str; 3] =
    ["max.message.bytes=8388608", "retention.ms=-1", "message.timestamp.after.max.ms=9223372036854775807"];

#[test]
fn large_records_and_times_that_go_back_get_in_as_they_are() {
    scene("large_records_and_times_that_go_back_get_in_as_they_are", |scene| {
        let feed = Feed::create_with(scene, "odd-records", 1, &SETTINGS)?;
        let sent = ask(scene, &["produce", feed.bootstrap(), feed.topic()])?;
        let rows = sent.as_array().context("records are a list")?;
        let nulls = rows.iter().filter(|row| row["timestamp"].is_null()).count();
        ensure!(nulls == 2, "records without a time were to be sent: {sent}");

        let mut several = Several::new(scene)?;
        several.max_size_mb = MAX_SIZE_MB;
        let table = several.table("odd", &[feed.topic()], "")?;
        let mut k2i = several.ingest()?;
        table.wait_rows(scene, rows.len() as u64)?;
        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        for engine in ENGINES {
            let found = ask(scene, &["read", engine, table.catalog(), table.name()])?;
            ensure!(found == sent, "{engine} finds\n{found}\nand not\n{sent}");
        }
        Ok(())
    });
}

fn ask(scene: &Scene, args: &[&str]) -> Result<Value> {
    Python::shared()?.ask(scene, "odd_records.py", args)
}
