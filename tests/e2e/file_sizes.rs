//! Files reach the size that they were given, although an encoder does not know how much smaller a page becomes.

use anyhow::{Context, Result, ensure};
use k2i_tests::scene::scene;
use serde_json::Value;

use super::feed::Feed;
use super::several::Several;
use super::table_properties::files;

const ORDERS: u32 = 200_000;
/// Only the size ends a cut, and the drain the last one.
const FLUSH_SECONDS: u64 = 300;
const LINES: &str = "[tables.buffer]\nflush_max_size_mb = 1";
/// Of the third file: the first two teach how much smaller rows become. It ends with a batch of the decoder, a tenth of it.
const SIZES: std::ops::RangeInclusive<u64> = 750_000..=1_300_000;

#[test]
fn files_reach_the_size_that_the_configuration_names() {
    scene("files_reach_the_size_that_the_configuration_names", |scene| {
        let mut several = Several::new(scene)?;
        several.flush_interval_seconds = FLUSH_SECONDS;
        let mut feed = Feed::create(scene, "file-sizes", 1)?;
        let table = several.table("sized", &[feed.topic()], LINES)?;
        feed.produce(ORDERS)?;
        let mut k2i = several.ingest()?;
        k2i.wait_read(ORDERS.into())?;
        k2i.drain()?;
        table.wait_rows(scene, ORDERS.into())?;

        let found = files(scene, &[&table])?;
        let mut sizes = found[table.name()]["files"]
            .as_array()
            .context("files are a list")?
            .iter()
            .map(sized)
            .collect::<Result<Vec<_>>>()?;
        sizes.sort_unstable();
        println!("files by number: {sizes:?}");
        // The last one is what is left.
        ensure!(sizes.len() > 3, "too few files to tell: {sizes:?}");
        ensure!(SIZES.contains(&sizes[2].1), "the third file has another size: {sizes:?}");
        let too_large = sizes.iter().any(|(_, bytes)| bytes > SIZES.end());
        ensure!(!too_large, "a file is too large: {sizes:?}");
        Ok(())
    });
}

/// A file's number among those of its session, and its size.
fn sized(file: &Value) -> Result<(u64, u64)> {
    let path = file["path"].as_str().context("a path")?;
    let number = path.rsplit('-').nth(1).context("a name ends with the numbers of the cut and the file")?;
    Ok((number.parse()?, file["bytes"].as_u64().context("a size")?))
}
