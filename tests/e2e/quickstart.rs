//! The file that the README shows, byte for byte, against a REST catalog and S3: validated, run, killed, run again.
//!
//! Addresses and keys come from variables alone, as they would in a container.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::cache::workspace;
use k2i_tests::components::{RestCatalog, S3, Variable};
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};

use super::feed::{Feed, text};
use super::table::Table;

/// What the file says, so that the test need not read it.
const TOPIC: &str = "events";
const TABLE: &str = "analytics.events";
const MAX_SIZE_MB: u64 = 500;

const ORDERS: u32 = 20_000;
/// Slow enough for several commits before the last record is there.
const PER_SECOND: u32 = 2_500;
const FLUSH_SECONDS: u64 = 1;
const VALIDATE_LIMIT: Duration = Duration::from_secs(30);

#[test]
fn quickstart() {
    scene("quickstart", |scene| {
        let file = workspace().join("deploy/quickstart.toml");
        let file = text(&file)?;
        let valid = k2i::run(scene, "validate", &["validate", "--offline", "--config", file], VALIDATE_LIMIT)?;
        valid.expect(0, &["is right", TABLE])?;

        let mut feed = Feed::create(scene, TOPIC, 3)?;
        let catalog = RestCatalog::shared()?;
        let table = Table::in_rest(catalog, S3::shared()?, TABLE);
        let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
        let variables = variables(scene, &feed, catalog, &promise)?;
        let ingest = |name: &str| -> Result<K2i> {
            let mut command = k2i::command(&["ingest", "--config", file])?;
            // Nothing may be written where the tests happen to run.
            let here = scene.path("here");
            fs::create_dir_all(&here)?;
            command.current_dir(here).envs(variables.iter().map(|(name, value)| (name, value)));
            K2i::start(scene, name, command, &promise)
        };

        let mut k2i = ingest("k2i-1")?;
        k2i.wait_ready()?;
        let mut production = feed.produce_slowly(ORDERS, PER_SECOND)?;
        table.wait_rows(scene, 1)?;
        production.expect_running()?;
        k2i.kill()?;
        let committed = table.rows(scene)?;
        ensure!(committed < u64::from(ORDERS), "everything was committed before the kill, so nothing was shown");
        println!("killed with {committed} of {ORDERS} rows committed");

        let mut k2i = ingest("k2i-2")?;
        k2i.wait_ready()?;
        let tally = production.finish()?;
        ensure!(tally["rows"] == ORDERS, "the broker acknowledged {}, not {ORDERS}", tally["rows"]);
        table.wait_rows(scene, u64::from(ORDERS))?;
        table.check_exact(scene, feed.acks(), &tally)?;
        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        table.check_exact(scene, feed.acks(), &tally)
    });
}

fn variables(scene: &Scene, feed: &Feed, catalog: &RestCatalog, promise: &Promise) -> Result<Vec<Variable>> {
    let data = scene.path("data");
    let mut all = S3::shared()?.variables();
    all.extend([
        ("K2I__KAFKA__BOOTSTRAP_SERVERS", feed.bootstrap().to_owned()),
        ("K2I__ICEBERG__REST_URI", catalog.url()),
        ("K2I__BUFFER__FLUSH_INTERVAL_SECONDS", FLUSH_SECONDS.to_string()),
        ("K2I__HTTP__HEALTH_ADDRESS", format!("127.0.0.1:{}", promise.health_port)),
        ("K2I__HTTP__METRICS_ADDRESS", format!("127.0.0.1:{}", promise.metrics_port)),
        ("K2I__DATA_DIR", text(&data).context("the data folder")?.to_owned()),
    ]);
    Ok(all)
}
