//! Four tables in one process, the catalog of one of them away: the others keep their interval, and nothing is lost.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{Listening, RestCatalog, S3};
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};
use serde_json::Value;

use super::feed::{Feed, Production, text};
use super::table::Table;

const FLUSH_SECONDS: u64 = 1;
const MAX_SIZE_MB: u64 = 256;
/// How far apart two commits may be where one is due every second and there are always new rows: the machine is busy
/// with other tests, and its clock is not ours. A client that waits for a catalog which is away waits for longer.
const MOST_BETWEEN_COMMITS: Duration = Duration::from_secs(10);
/// The same for half of them: whoever commits at every second tick only is over it.
const USUALLY_BETWEEN_COMMITS: Duration = Duration::from_millis(1_900);
/// Produced to each topic; at this rate it takes 15 seconds.
const ORDERS: u32 = 3_750;
const PER_SECOND: u32 = 250;
/// Tables whose catalog is there.
const HERE: [&str; 3] = ["here-eu", "here-us", "here-asia"];
const AWAY: &str = "away";
const BUCKET: &str = "four-tables";

#[test]
fn four_tables_one_catalog_down() {
    scene("four_tables_one_catalog_down", |scene| {
        let topics = HERE.iter().chain([&AWAY]).map(|name| Feed::create(scene, &topic(name), 2));
        let mut feeds = topics.collect::<Result<Vec<_>>>()?;
        let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
        // Nobody listens there yet: every connection is refused.
        let catalog_port = ports::free()?;
        let s3 = S3::shared()?;
        s3.create_bucket(BUCKET)?;
        let file = scene.path("k2i.toml");
        fs::write(&file, config(scene, feeds[0].bootstrap(), &promise, catalog_port)?)?;
        let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
        command.envs(s3.variables());

        let mut k2i = K2i::start(scene, "k2i", command, &promise)?;
        k2i.wait_live()?;
        let productions = feeds.iter_mut().map(|feed| feed.produce_slowly(ORDERS, PER_SECOND));
        let productions = productions.collect::<Result<Vec<_>>>()?;
        let tallies = productions.into_iter().map(Production::finish).collect::<Result<Vec<Value>>>()?;
        for ((name, feed), tally) in HERE.iter().zip(&feeds).zip(&tallies) {
            let table = Table::in_sqlite(&scene.path("catalog.db"), &format!("shop.{name}"))?;
            table.wait_rows(scene, u64::from(ORDERS))?;
            k2i.expect_running()?;
            table.check_exact(scene, feed.acks(), tally)?;
            check_pace(&table.commit_times(scene)?, ORDERS / PER_SECOND).with_context(|| format!("shop.{name}"))?;
        }

        // The catalog comes: the other table catches up, without a restart.
        let warehouse = format!("s3://{BUCKET}/warehouse");
        let catalog = RestCatalog::start(&scene.path("rest"), s3, &warehouse, Listening::On(catalog_port))?;
        let table = Table::in_rest(&catalog, s3, &format!("shop.{AWAY}"));
        table.wait_rows(scene, u64::from(ORDERS))?;
        let last = HERE.len();
        table.check_exact(scene, feeds[last].acks(), &tallies[last])?;
        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        Ok(())
    });
}

/// Fails where two commits are too far apart, or most of them are. `seconds`: how long there were new rows.
pub fn check_pace(times: &[i64], seconds: u32) -> Result<()> {
    let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    let (widest, middle) = (gaps.last().context("only one commit")?, gaps[gaps.len() / 2]);
    println!("{} commits, {middle} ms apart, at most {widest} ms", times.len());
    let (most, usual) = (MOST_BETWEEN_COMMITS.as_millis() as i64, USUALLY_BETWEEN_COMMITS.as_millis() as i64);
    ensure!(*widest <= most, "commits are {gaps:?} ms apart, one of them over {most}");
    ensure!(middle <= usual, "commits are {gaps:?} ms apart, half of them over {usual}");
    let fewest = seconds / 3;
    ensure!(times.len() >= fewest as usize, "{} commits, fewer than {fewest}: {gaps:?} ms apart", times.len());
    Ok(())
}

fn topic(table: &str) -> String {
    format!("four-tables-{table}")
}

fn config(scene: &Scene, bootstrap: &str, promise: &Promise, catalog_port: u16) -> Result<String> {
    let Promise { health_port, metrics_port, max_size_mb } = promise;
    let path = |name: &str| Ok::<_, anyhow::Error>(text(&scene.path(name))?.to_owned());
    let (data, catalog, warehouse) = (path("data")?, path("catalog.db")?, path("warehouse")?);
    let mut toml = format!(
        r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
group_id = "four-tables"

[buffer]
max_size_mb = {max_size_mb}
flush_interval_seconds = {FLUSH_SECONDS}

[http]
health_address = "127.0.0.1:{health_port}"
metrics_address = "127.0.0.1:{metrics_port}"

[[tables]]
topic = "{topic}"
database = "shop"
table = "{AWAY}"
[tables.iceberg]
catalog_type = "rest"
rest_uri = "http://127.0.0.1:{catalog_port}"
warehouse = "s3://{BUCKET}/warehouse"
[tables.storage]
type = "s3"
"#,
        topic = topic(AWAY),
    );
    for name in HERE {
        write!(
            toml,
            r#"
[[tables]]
topic = "{topic}"
database = "shop"
table = "{name}"
[tables.iceberg]
catalog_type = "sql"
sql_uri = "sqlite:{catalog}"
warehouse = "file://{warehouse}"
[tables.storage]
type = "local"
"#,
            topic = topic(name),
        )?;
    }
    Ok(toml)
}
