//! Two tables in one process, the catalog of one of them away: the other keeps its interval, and nothing is lost.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{Listening, RestCatalog, S3};
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};

use super::feed::{Feed, text};
use super::table::Table;

const FLUSH_SECONDS: u64 = 1;
const MAX_SIZE_MB: u64 = 256;
/// How far apart two commits may be where one is due every second and there are always new rows: the machine is busy
/// with other tests, and its clock is not ours.
const MOST_BETWEEN_COMMITS: Duration = Duration::from_secs(10);
/// Produced to both topics; at this rate it takes 15 seconds.
const ORDERS: u32 = 7_500;
const PER_SECOND: u32 = 500;
const HERE: &str = "shop.here";
const AWAY: &str = "shop.away";
const BUCKET: &str = "two-tables";

#[test]
fn two_tables_one_catalog_down() {
    scene("two_tables_one_catalog_down", |scene| {
        let mut here = Feed::create(scene, "two-tables-here", 2)?;
        let mut away = Feed::create(scene, "two-tables-away", 2)?;
        let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
        // Nobody listens there yet: every connection is refused.
        let catalog_port = ports::free()?;
        let s3 = S3::shared()?;
        s3.create_bucket(BUCKET)?;
        let file = scene.path("k2i.toml");
        fs::write(&file, config(scene, here.bootstrap(), &promise, catalog_port)?)?;
        let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
        command.envs(s3.variables());

        let mut k2i = K2i::start(scene, "k2i", command, &promise)?;
        k2i.wait_live()?;
        let (first, second) = (here.produce_slowly(ORDERS, PER_SECOND)?, away.produce_slowly(ORDERS, PER_SECOND)?);
        let (first, second) = (first.finish()?, second.finish()?);
        let table = Table::in_sqlite(&scene.path("catalog.db"), HERE)?;
        table.wait_rows(scene, u64::from(ORDERS))?;
        k2i.expect_running()?;
        table.check_exact(scene, here.acks(), &first)?;
        check_pace(&table.commit_times(scene)?)?;

        // The catalog comes: the other table catches up, without a restart.
        let warehouse = format!("s3://{BUCKET}/warehouse");
        let catalog = RestCatalog::start(&scene.path("rest"), s3, &warehouse, Listening::On(catalog_port))?;
        let table = Table::in_rest(&catalog, s3, AWAY);
        table.wait_rows(scene, u64::from(ORDERS))?;
        table.check_exact(scene, away.acks(), &second)?;
        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        Ok(())
    });
}

/// Fails where two commits are too far apart, or there are too few to tell.
fn check_pace(times: &[i64]) -> Result<()> {
    // The metadata lists snapshots in no particular order.
    let mut times = times.to_vec();
    times.sort_unstable();
    let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let widest = gaps.iter().max().context("only one commit")?;
    println!("{} commits, at most {widest} ms apart", times.len());
    let most = i64::try_from(MOST_BETWEEN_COMMITS.as_millis())?;
    ensure!(*widest <= most, "commits are {gaps:?} ms apart, one of them over {most}");
    let fewest = ORDERS / PER_SECOND / 3;
    ensure!(times.len() >= fewest as usize, "{} commits, fewer than {fewest}: {gaps:?} ms apart", times.len());
    Ok(())
}

fn config(scene: &Scene, bootstrap: &str, promise: &Promise, catalog_port: u16) -> Result<String> {
    let Promise { health_port, metrics_port, max_size_mb } = promise;
    let path = |name: &str| Ok::<_, anyhow::Error>(text(&scene.path(name))?.to_owned());
    Ok(format!(
        r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
group_id = "two-tables"

[buffer]
max_size_mb = {max_size_mb}
flush_interval_seconds = {FLUSH_SECONDS}

[http]
health_address = "127.0.0.1:{health_port}"
metrics_address = "127.0.0.1:{metrics_port}"

[[tables]]
topic = "two-tables-here"
database = "shop"
table = "here"
[tables.iceberg]
catalog_type = "sql"
sql_uri = "sqlite:{catalog}"
warehouse = "file://{warehouse}"
[tables.storage]
type = "local"

[[tables]]
topic = "two-tables-away"
database = "shop"
table = "away"
[tables.iceberg]
catalog_type = "rest"
rest_uri = "http://127.0.0.1:{catalog_port}"
warehouse = "s3://{BUCKET}/warehouse"
[tables.storage]
type = "s3"
"#,
        data = path("data")?,
        catalog = path("catalog.db")?,
        warehouse = path("warehouse")?,
    ))
}
