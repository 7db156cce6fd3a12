//! The smallest memory budget over a great backlog, with a store that stalls: K2I waits, within its budget, and then
//! everything is in the table once.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{RestCatalog, S3};
use k2i_tests::gate::{Gate, Way};
use k2i_tests::http::metric;
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};

use super::feed::{Feed, text};
use super::table::Table;

const TOPIC: &str = "memory";
const TABLE: &str = "memory.orders";
const PARTITIONS: u32 = 4;
/// The least that one reader and one table are allowed.
const MAX_SIZE_MB: u64 = 32;
/// Orders that the table is made of, while the store answers.
const FIRST: u32 = 10_000;
/// The backlog. Some 300 bytes each: several times the budget, and far more than may wait on the way.
const ORDERS: u32 = 500_000;
/// So small that several cuts wait while the store stalls.
const CUT_ROWS: u64 = 20_000;
/// Where nothing is read for so long, it waits.
const STILL: Duration = Duration::from_secs(4);
/// For reading to stop, and for everything to get in afterwards.
const LIMIT: Duration = Duration::from_secs(180);

#[test]
fn a_stalled_store_holds_a_backlog_back_within_the_budget() {
    scene("a_stalled_store_holds_a_backlog_back_within_the_budget", |scene| {
        let mut feed = Feed::create(scene, TOPIC, PARTITIONS)?;
        let s3 = S3::shared()?;
        let gate = Gate::to(s3.port())?;
        let table = Table::in_rest(RestCatalog::shared()?, s3, TABLE);
        feed.produce(FIRST)?;
        let k2i = start(scene, "k2i-1", &feed, s3, &gate)?;
        table.wait_rows(scene, u64::from(FIRST))?;
        k2i.drain()?;

        feed.produce_from(FIRST, ORDERS)?;
        gate.set(Way::NothingThere);
        let mut k2i = start(scene, "k2i-2", &feed, s3, &gate)?;
        let read = wait_until_it_waits(&mut k2i)?;
        ensure!(read < u64::from(ORDERS), "all {read} rows were read although the store stalled");
        let committed = table.rows(scene)?;
        ensure!(committed == u64::from(FIRST), "{committed} rows are committed although the store stalled");
        println!("waits with {read} of {ORDERS} rows read");

        gate.set(Way::Open);
        let all = u64::from(FIRST + ORDERS);
        until("all rows to be in the table", LIMIT, || {
            expect_within(&mut k2i)?;
            let rows = table.rows(scene)?;
            Ok(if rows >= all { Look::Done(()) } else { Look::NotYet(format!("{rows} rows")) })
        })?;
        table.check_places(scene, feed.acks(), all)?;
        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        ensure!(table.rows(scene)? == all, "the drain has changed the table");
        Ok(())
    });
}

/// Looks until nothing has been read for a while, and always at the budget. The answer is how many rows were read.
fn wait_until_it_waits(k2i: &mut K2i) -> Result<u64> {
    let mut last = (k2i.rows_read()?, Instant::now());
    until("reading to stop", LIMIT, || {
        expect_within(k2i)?;
        let read = k2i.rows_read()?;
        if read != last.0 {
            last = (read, Instant::now());
        }
        let still = last.1.elapsed();
        Ok(if read > 0 && still >= STILL {
            Look::Done(read)
        } else {
            Look::NotYet(format!("{read} rows read, {still:?} ago"))
        })
    })
}

/// Fails if the process counts more bytes than its budget.
fn expect_within(k2i: &mut K2i) -> Result<()> {
    k2i.expect_running()?;
    let page = k2i.metrics()?;
    let number = |name: &str| metric(&page, name).with_context(|| format!("no {name} in:\n{page}"));
    let (held, limit) = (number("k2i_worker_buffered_bytes")?, number("k2i_worker_buffer_limit_bytes")?);
    // It is set a moment after the page is there.
    ensure!(limit == 0.0 || limit == (MAX_SIZE_MB << 20) as f64, "the budget is said to be {limit} bytes");
    ensure!(held <= (MAX_SIZE_MB << 20) as f64, "{held} bytes are held, over the budget of {MAX_SIZE_MB} MiB");
    Ok(())
}

fn start(scene: &Scene, name: &str, feed: &Feed<'_>, s3: &S3, gate: &Gate) -> Result<K2i> {
    let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
    let file = scene.path("k2i.toml");
    fs::write(&file, toml(scene, feed.bootstrap(), &promise)?)?;
    let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
    command.envs(s3.variables_by(gate.url()));
    let mut k2i = K2i::start(scene, name, command, &promise)?;
    k2i.wait_live()?;
    Ok(k2i)
}

fn toml(scene: &Scene, bootstrap: &str, promise: &Promise) -> Result<String> {
    let Promise { health_port, metrics_port, max_size_mb } = promise;
    let data = scene.path("data");
    Ok(format!(
        r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
topic = "{TOPIC}"
group_id = "memory"

[buffer]
max_size_mb = {max_size_mb}
flush_interval_seconds = 1
flush_max_records = {CUT_ROWS}

[iceberg]
catalog_type = "rest"
rest_uri = "{rest}"
warehouse = "{warehouse}"
database = "memory"
table = "orders"

[storage]
type = "s3"

[http]
health_address = "127.0.0.1:{health_port}"
metrics_address = "127.0.0.1:{metrics_port}"
"#,
        data = text(&data)?,
        rest = RestCatalog::shared()?.url(),
        warehouse = RestCatalog::WAREHOUSE,
    ))
}
