//! A year of real flights, through two kills with cuts that were sealed and could not be handed over: DuckDB, PyIceberg
//! and Spark each find what Python computes from the file that the flights come from.
//!
//! The moments are chosen by looking, not by luck. Production goes on only as far as it is told, so that the committed
//! share at a kill is known whatever the machine's speed; and the way to the object store stalls, so that what is
//! sealed then cannot be accepted before the kill. The life after it has to offer it again.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{Python, RestCatalog, S3, Spark, answer, flights};
use k2i_tests::gate::{Gate, Way};
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::process::Process;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use serde_json::Value;

use super::feed::{Feed, text};
use super::spool;
use super::table::{ENGINES, Table};

const TOPIC: &str = "flights";
const PARTITIONS: u32 = 6;
const DATABASE: &str = "travel";
const TABLE: &str = "travel.flights";
/// Flights in the file.
const FLIGHTS: u64 = 336_776;
const MAX_SIZE_MB: u64 = 256;
const FLUSH_SECONDS: u64 = 1;
/// Several cuts at each stage.
const CUT_ROWS: u64 = 8_000;
/// The third reader, beside those of every test.
const SPARK: &str = "spark";
/// In percent of all flights, where a kill counts.
const WINDOW: std::ops::RangeInclusive<u64> = 20..=80;
/// How long production, reading, sealing and offering again may each take.
const LIMIT: Duration = Duration::from_secs(120);
/// What a new life says of each cut that it offers again.
const OFFERED: &str = "\"message\":\"a sealed cut was offered again\"";

/// A kill: which way the store stalls, how much is produced before and during that, in percent of all flights.
struct Stall {
    way: Way,
    /// So much has to be committed first.
    committed: u64,
    before: u64,
    during: u64,
}

/// Once nothing gets to the store. Then everything gets there, and K2I does not know.
const STALLS: [Stall; 2] = [
    Stall { way: Way::NothingThere, committed: 20, before: 30, during: 50 },
    Stall { way: Way::NothingBack, committed: 45, before: 50, during: 70 },
];

#[test]
fn flights_through_two_kills() {
    scene("flights_through_two_kills", |scene| {
        // It gets ready meanwhile.
        let spark = Spark::shared()?;
        let data = flights()?;
        let mut counted = Python::shared()?.start(scene, "flights.py", &[text(&data)?])?;
        let mut field = Field::lay(scene, &data)?;

        let mut k2i = field.begin()?;
        for stall in &STALLS {
            let sealed = field.kill_in(k2i, stall)?;
            k2i = field.ingest()?;
            k2i.wait_ready()?;
            field.expect_offered(&k2i, sealed)?;
        }
        field.produce_percent(100)?;
        field.table.wait_rows(scene, FLIGHTS)?;
        let produced = answer(&mut field.producer, LIMIT)?;
        let wanted = answer(&mut counted, LIMIT)?;
        ensure!(
            produced == FLIGHTS && wanted["rows"] == FLIGHTS,
            "{produced} flights sent, {} counted",
            wanted["rows"]
        );

        field.check_all(spark, &wanted)?;
        println!("peak {} MiB, drained in {:?}", k2i.peak_rss_mb()?, k2i.drain()?);
        ensure!(field.table.rows(scene)? == FLIGHTS, "the drain has changed the table");
        Ok(())
    });
}

/// The flights' topic, its producer, the table, and a store behind a gate.
struct Field<'a> {
    scene: &'a Scene,
    feed: Feed<'a>,
    producer: Process,
    words: ChildStdin,
    gate: Gate,
    table: Table,
    promise: Promise,
    config: PathBuf,
    lives: u32,
}

impl<'a> Field<'a> {
    fn lay(scene: &'a Scene, data: &Path) -> Result<Self> {
        let feed = Feed::create(scene, TOPIC, PARTITIONS)?;
        let args = [feed.bootstrap(), TOPIC, text(data)?];
        let mut producer = Python::shared()?.start(scene, "flights_produce.py", &args)?;
        let words = producer.take_input().context("the producer was given an input")?;
        let s3 = S3::shared()?;
        let table = Table::in_rest(RestCatalog::shared()?, s3, TABLE);
        let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
        let config = scene.path("k2i.toml");
        fs::write(&config, toml(scene, feed.bootstrap(), &promise)?)?;
        Ok(Self { scene, feed, producer, words, gate: Gate::to(s3.port())?, table, promise, config, lives: 0 })
    }

    /// Lets the producer go on up to a share of the flights, and does not wait for it.
    fn produce_percent(&mut self, percent: u64) -> Result<()> {
        self.producer.expect_running()?;
        writeln!(self.words, "{}", share(percent)).context("the producer takes no more words")?;
        self.words.flush().context("the producer takes no more words")
    }

    /// The first life, once there is enough in the topic to tell every column's type.
    fn begin(&mut self) -> Result<K2i> {
        self.produce_percent(STALLS[0].before)?;
        until("the first flights", LIMIT, || {
            self.producer.expect_running()?;
            let there = self.produced()?;
            Ok(if there >= share(1) { Look::Done(()) } else { Look::NotYet(format!("{there} flights")) })
        })?;
        self.ingest()
    }

    /// Starts `k2i ingest`, anew or again. It reaches the store through the gate.
    fn ingest(&mut self) -> Result<K2i> {
        self.lives += 1;
        let mut command = k2i::command(&["ingest", "--config", text(&self.config)?])?;
        command.envs(S3::shared()?.variables_by(self.gate.url()));
        K2i::start(self.scene, &format!("k2i-{}", self.lives), command, &self.promise)
    }

    /// Kills it while cuts are sealed that the coordinator cannot have accepted. The answer is how many are known to
    /// be in the log.
    fn kill_in(&mut self, mut k2i: K2i, stall: &Stall) -> Result<usize> {
        self.produce_percent(stall.before)?;
        self.table.wait_rows(self.scene, share(stall.committed))?;
        self.gate.set(stall.way);
        let already = spool::sealed(&self.scene.path("data"))?;
        self.produce_percent(stall.during)?;
        // A cut is logged right after its file is sealed, and before the next one is: of two, one is in the log.
        let fresh = until("two cuts to be sealed", LIMIT, || {
            k2i.expect_running()?;
            let fresh = spool::sealed(&self.scene.path("data"))?.difference(&already).count();
            Ok(if fresh >= 2 { Look::Done(fresh) } else { Look::NotYet(format!("{fresh} of them")) })
        })?;
        k2i.kill()?;
        let (committed, produced) = (self.table.rows(self.scene)?, self.produced()?);
        println!("killed with {committed} of {FLIGHTS} flights committed, {produced} produced, {fresh} cuts waiting");
        ensure!(
            committed >= share(*WINDOW.start()) && committed <= share(*WINDOW.end()) && committed < produced,
            "{committed} of {produced} produced flights were committed at the kill, outside of {WINDOW:?} % of all"
        );
        self.gate.set(Way::Open);
        Ok(fresh - 1)
    }

    /// Waits until a new life has offered again at least so many cuts.
    fn expect_offered(&self, k2i: &K2i, cuts: usize) -> Result<()> {
        let offered = until("sealed cuts to be offered again", LIMIT, || {
            let offered = k2i.log().matches(OFFERED).count();
            Ok(if offered >= cuts { Look::Done(offered) } else { Look::NotYet(format!("{offered} of {cuts}")) })
        })
        .with_context(|| format!("its log:\n{}", k2i.log()))?;
        println!("{offered} sealed cuts were offered again");
        Ok(())
    }

    /// How many flights are in the topic.
    fn produced(&self) -> Result<u64> {
        Ok(u64::try_from(self.feed.ends()?.values().sum::<i64>())?)
    }

    /// Three engines, each an implementation of Iceberg of its own, against the file and against Kafka.
    fn check_all(&self, spark: &Spark, wanted: &Value) -> Result<()> {
        let (catalog, s3, places) = (RestCatalog::shared()?, S3::shared()?, self.places()?);
        for engine in ENGINES.into_iter().chain([SPARK]) {
            let began = Instant::now();
            let found = match engine {
                SPARK => spark.survey(catalog, s3, TABLE)?,
                _ => self.table.survey(self.scene, engine)?,
            };
            check(engine, &found, wanted, &places)?;
            println!("{engine} finds what the file says, in {:.1} s", began.elapsed().as_secs_f32());
        }
        Ok(())
    }

    /// What each topic partition has to have given: rows, lowest and highest offset, different offsets.
    fn places(&self) -> Result<Value> {
        let ends = self.feed.ends()?;
        ensure!(ends.values().sum::<i64>() == i64::try_from(FLIGHTS)?, "the topic ends at {ends:?}");
        ensure!(ends.len() == PARTITIONS as usize && ends.values().all(|end| *end > 0), "{ends:?}: one has nothing");
        let span = |(partition, end): (&i32, &i64)| (partition.to_string(), Value::from(vec![*end, 0, end - 1, *end]));
        Ok(Value::Object(ends.iter().map(span).collect()))
    }
}

/// Fails where an engine finds something else, and names engine and column.
fn check(engine: &str, found: &Value, wanted: &Value, places: &Value) -> Result<()> {
    ensure!(found["rows"] == wanted["rows"], "{engine} finds {} rows, not {}", found["rows"], wanted["rows"]);
    ensure!(found["places"] == *places, "{engine} finds {} at offsets, not {places}", found["places"]);
    let columns = |from: &Value| from["columns"].as_object().cloned().context("columns by name");
    let (found, wanted) = (columns(found)?, columns(wanted)?);
    ensure!(
        found.keys().collect::<BTreeSet<_>>() == wanted.keys().collect(),
        "{engine} finds other columns: {found:?}"
    );
    for (column, sums) in &wanted {
        ensure!(&found[column] == sums, "{engine} finds {} in {column}, not {sums}", found[column]);
    }
    Ok(())
}

/// So many percent of all flights.
fn share(percent: u64) -> u64 {
    FLIGHTS * percent / 100
}

fn toml(scene: &Scene, bootstrap: &str, promise: &Promise) -> Result<String> {
    let Promise { health_port, metrics_port, max_size_mb } = promise;
    let (data, rest) = (scene.path("data"), RestCatalog::shared()?.url());
    Ok(format!(
        r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
topic = "{TOPIC}"
group_id = "flights"

[buffer]
max_size_mb = {max_size_mb}
flush_interval_seconds = {FLUSH_SECONDS}
flush_max_records = {CUT_ROWS}

[iceberg]
catalog_type = "rest"
rest_uri = "{rest}"
warehouse = "{warehouse}"
database = "{DATABASE}"
table = "{TOPIC}"

[storage]
type = "s3"

[http]
health_address = "127.0.0.1:{health_port}"
metrics_address = "127.0.0.1:{metrics_port}"
"#,
        data = text(&data)?,
        warehouse = RestCatalog::WAREHOUSE,
    ))
}
