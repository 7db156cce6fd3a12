//! SIGTERM: what was read is committed, and published, before the process ends. A second one ends it at once, and
//! nothing is lost either.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k2i_tests::cache::workspace;
use k2i_tests::components::{RestCatalog, S3};
use k2i_tests::gate::{Gate, Way};
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};

use super::feed::{Feed, text};
use super::line::Line;
use super::spool;
use super::table::Table;

const ORDERS: u32 = 20_000;
/// Far longer than the test: nothing is committed because its time has come.
const NEVER_SECONDS: u64 = 3_600;
/// How long a drain may take until it has sealed what was read.
const SEAL_LIMIT: Duration = Duration::from_secs(30);
/// How long an end at once may take on a busy machine; a drain that cannot finish is given up after 45 s.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn sigterm_drains() {
    scene("sigterm_drains", |scene| {
        let mut line = Line::lay(scene, 3)?;
        let tally = line.produce(ORDERS)?;
        line.config.flush_interval_seconds = NEVER_SECONDS;
        let mut k2i = line.ingest()?;
        k2i.wait_ready()?;
        k2i.wait_read(ORDERS.into())?;
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

#[test]
fn a_second_sigterm_ends_at_once_and_loses_nothing() {
    scene("second-sigterm", |scene| {
        let mut stalled = Stalled::lay(scene)?;
        let tally = stalled.feed.produce(ORDERS)?;
        let mut k2i = stalled.ingest(NEVER_SECONDS)?;
        k2i.wait_ready()?;
        k2i.wait_read(ORDERS.into())?;
        stalled.gate.set(Way::NothingThere);

        k2i.terminate()?;
        until("the drain to seal what was read", SEAL_LIMIT, || {
            k2i.expect_running()?;
            let sealed = spool::sealed(&stalled.data())?.len();
            Ok(if sealed > 0 { Look::Done(()) } else { Look::NotYet("nothing is sealed".into()) })
        })?;
        k2i.terminate()?;
        let asked = Instant::now();
        let status = k2i.wait_end(AT_ONCE)?;
        println!("ended {:?} after the second signal", asked.elapsed());
        ensure!(status.code() == Some(0), "a process that was asked to end ended with {status}:\n{}", k2i.log());
        ensure!(k2i.log().contains("stopping at once"), "it does not say why it ended:\n{}", k2i.log());
        let committed = stalled.table.rows(scene)?;
        ensure!(committed == 0, "{committed} rows got past a store that was stalled, so nothing was shown");

        stalled.gate.set(Way::Open);
        let k2i = stalled.ingest(1)?;
        stalled.table.wait_rows(scene, ORDERS.into())?;
        stalled.table.check_exact(scene, stalled.feed.acks(), &tally)?;
        k2i.drain()?;
        stalled.table.check_exact(scene, stalled.feed.acks(), &tally)
    });
}

/// The quickstart's file, its addresses and names set by variables, with a gate before the store.
struct Stalled<'a> {
    scene: &'a Scene,
    feed: Feed<'a>,
    table: Table,
    gate: Gate,
    lives: u32,
}

impl<'a> Stalled<'a> {
    const MAX_SIZE_MB: u64 = 256;

    fn lay(scene: &'a Scene) -> Result<Self> {
        let s3 = S3::shared()?;
        let table = Table::in_rest(RestCatalog::shared()?, s3, "stalled.orders");
        let feed = Feed::create(scene, scene.name(), 3)?;
        Ok(Self { scene, feed, table, gate: Gate::to(s3.port())?, lives: 0 })
    }

    fn data(&self) -> std::path::PathBuf {
        self.scene.path("data")
    }

    fn ingest(&mut self, flush_seconds: u64) -> Result<K2i> {
        self.lives += 1;
        let (health_port, metrics_port) = (ports::free()?, ports::free()?);
        let promise = Promise { health_port, metrics_port, max_size_mb: Self::MAX_SIZE_MB };
        let file = workspace().join("deploy/quickstart.toml");
        let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
        // Nothing may be written where the tests happen to run.
        let here = self.scene.path("here");
        fs::create_dir_all(&here)?;
        command.current_dir(here).envs(S3::shared()?.variables_by(self.gate.url())).envs([
            ("K2I__KAFKA__BOOTSTRAP_SERVERS", self.feed.bootstrap()),
            ("K2I__KAFKA__TOPIC", self.feed.topic()),
            ("K2I__ICEBERG__REST_URI", &RestCatalog::shared()?.url()),
            ("K2I__ICEBERG__DATABASE", "stalled"),
            ("K2I__ICEBERG__TABLE", "orders"),
            ("K2I__BUFFER__FLUSH_INTERVAL_SECONDS", &flush_seconds.to_string()),
            ("K2I__BUFFER__MAX_SIZE_MB", &Self::MAX_SIZE_MB.to_string()),
            ("K2I__HTTP__HEALTH_ADDRESS", &format!("127.0.0.1:{health_port}")),
            ("K2I__HTTP__METRICS_ADDRESS", &format!("127.0.0.1:{metrics_port}")),
            ("K2I__DATA_DIR", text(&self.data())?),
        ]);
        K2i::start(self.scene, &format!("k2i-{}", self.lives), command, &promise)
    }
}
