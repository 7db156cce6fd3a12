//! One topic, one table, and what must be in it: the ground that the end-to-end tests stand on.
//!
//! What should be in the table is what the broker acknowledged to the producer (`produce.py`). What is in it is what
//! DuckDB and PyIceberg each find (`read_table.py`). K2I is asked about neither.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{Kafka, Python, answer};
use k2i_tests::k2i::{IngestConfig, K2i};
use k2i_tests::process::Process;
use k2i_tests::scene::Scene;
use serde_json::Value;

/// The readers, each an implementation of Iceberg of its own.
pub const ENGINES: [&str; 2] = ["duckdb", "pyiceberg"];
/// How long rows may take from the broker's acknowledgement to the table.
const ROWS_LIMIT: Duration = Duration::from_secs(90);
/// How long a producer may take to finish once it was told to.
const PRODUCE_LIMIT: Duration = Duration::from_secs(90);

/// Next offset by topic partition.
pub type Positions = BTreeMap<i32, i64>;

/// A topic on the shared broker and the configuration that moves it into a table.
pub struct Line<'a> {
    scene: &'a Scene,
    python: &'static Python,
    /// What `k2i` is started with.
    pub config: IngestConfig,
    acks: Vec<PathBuf>,
    lives: u32,
}

/// A producer that runs beside the test.
pub struct Production {
    process: Process,
}

impl Production {
    /// Fails if it has ended.
    pub fn expect_running(&mut self) -> Result<()> {
        self.process.expect_running()
    }

    /// Tells it to come to an end, and returns the tally of what was acknowledged.
    pub fn finish(mut self) -> Result<Value> {
        drop(self.process.take_input());
        answer(&mut self.process, PRODUCE_LIMIT)
    }
}

impl<'a> Line<'a> {
    /// Creates the topic. Nothing of the table exists yet.
    pub fn lay(scene: &'a Scene, partitions: u32) -> Result<Self> {
        let python = Python::shared()?;
        let bootstrap = Kafka::shared()?.bootstrap();
        let config = IngestConfig::new(scene, &bootstrap)?;
        python.ask(scene, "kafka_tool.py", &[&bootstrap, "create-topic", &config.topic, &partitions.to_string()])?;
        Ok(Self { scene, python, config, acks: Vec::new(), lives: 0 })
    }

    /// Produces orders `first..first + orders` as fast as it goes, and returns their tally.
    pub fn produce(&mut self, orders: u32) -> Result<Value> {
        let production = self.start_producer(&["--orders", &orders.to_string()])?;
        production.finish()
    }

    /// Produces at a steady rate until told to finish, and at least `orders`.
    pub fn keep_producing(&mut self, orders: u32, per_second: u32) -> Result<Production> {
        self.start_producer(&["--orders", &orders.to_string(), "--per-second", &per_second.to_string(), "--until-eof"])
    }

    fn start_producer(&mut self, how: &[&str]) -> Result<Production> {
        let acks = self.scene.path(&format!("acks-{}.csv", self.acks.len()));
        let mut args = vec!["--bootstrap", &self.config.bootstrap, "--topic", &self.config.topic];
        args.extend(["--acks", text(&acks)?]);
        args.extend(how);
        let process = self.python.start(self.scene, "produce.py", &args)?;
        self.acks.push(acks);
        Ok(Production { process })
    }

    /// Starts `k2i ingest`, anew or again.
    pub fn ingest(&mut self) -> Result<K2i> {
        self.lives += 1;
        K2i::ingest(self.scene, &format!("k2i-{}", self.lives), &self.config, &[])
    }

    /// As [`Line::ingest`], with these further variables.
    pub fn ingest_with(&mut self, variables: &[(&str, &str)]) -> Result<K2i> {
        self.lives += 1;
        K2i::ingest_with(self.scene, &format!("k2i-{}", self.lives), &self.config, &[], variables)
    }

    /// Waits until the table's head says that it has at least so many rows.
    pub fn wait_rows(&self, rows: u64) -> Result<()> {
        let seconds = ROWS_LIMIT.as_secs().to_string();
        self.table(&["wait-rows", &rows.to_string(), &seconds]).map(|_| ())
    }

    /// How many rows the table's head says it has.
    pub fn rows(&self) -> Result<u64> {
        self.table(&["rows"])?.as_u64().context("a number of rows")
    }

    /// Checks with both engines that the table holds every acknowledged record once, and nothing else.
    pub fn check_exact(&self, tally: &Value) -> Result<()> {
        for engine in ENGINES {
            let found = read_table(self.scene, engine, &self.config.catalog, &self.config.full_table(), &self.acks)?;
            check(&found, tally).with_context(|| format!("{engine}, reading {}", self.config.full_table()))?;
        }
        Ok(())
    }

    /// Where the topic ends.
    pub fn ends(&self) -> Result<Positions> {
        positions(&self.kafka(&["ends", &self.config.topic])?)
    }

    /// What the consumer group has published.
    pub fn published(&self) -> Result<Positions> {
        positions(&self.kafka(&["committed", &self.config.group_id, &self.config.topic])?)
    }

    /// The watermark in the table's own properties.
    pub fn watermark(&self) -> Result<Positions> {
        let properties = self.table(&["properties"])?;
        let prefix = format!("k2i.{}.watermark.", self.config.group_id);
        let mut found = Positions::new();
        for (_, chunk) in
            properties.as_object().context("properties")?.iter().filter(|(key, _)| key.starts_with(&prefix))
        {
            let chunk: Value = serde_json::from_str(chunk.as_str().context("a property is text")?)?;
            for entry in chunk["partitions"].as_array().context("a watermark lists topic partitions")? {
                let number = |at: usize| entry[at].as_i64().context("an entry is a list of numbers");
                found.insert(i32::try_from(number(0)?)?, number(1)?);
            }
        }
        Ok(found)
    }

    /// The identity in the table's own properties.
    pub fn identity(&self) -> Result<Value> {
        let properties = self.table(&["properties"])?;
        let key = format!("k2i.{}.state", self.config.group_id);
        let state = properties[&key].as_str().with_context(|| format!("no {key} in {properties}"))?;
        Ok(serde_json::from_str(state)?)
    }

    fn table(&self, args: &[&str]) -> Result<Value> {
        let table = self.config.full_table();
        let mut all = vec![text(&self.config.catalog)?, &table];
        all.extend(args);
        self.python.ask(self.scene, "table_tool.py", &all)
    }

    fn kafka(&self, args: &[&str]) -> Result<Value> {
        let mut all = vec![self.config.bootstrap.as_str()];
        all.extend(args);
        self.python.ask(self.scene, "kafka_tool.py", &all)
    }
}

/// What one engine finds in a table, compared with what was acknowledged.
pub fn read_table(scene: &Scene, engine: &str, catalog: &Path, table: &str, acks: &[PathBuf]) -> Result<Value> {
    let mut args = vec![engine, text(catalog)?, table];
    for path in acks {
        args.push(text(path)?);
    }
    Python::shared()?.ask(scene, "read_table.py", &args)
}

/// Fails unless what an engine found is what was acknowledged, row by row and sum by sum.
pub fn check(found: &Value, tally: &Value) -> Result<()> {
    let examples = &found["examples"];
    for wrong in ["doubled", "missing", "alien"] {
        ensure!(found[wrong] == 0, "{} rows {wrong}; examples: {examples}", found[wrong]);
    }
    ensure!(found["distinct"] == tally["rows"], "{} places, not {}", found["distinct"], tally["rows"]);
    let (sums, wanted) = (&found["tally"], tally);
    ensure!(sums == wanted, "another tally\nfound:  {sums}\nwanted: {wanted}");
    Ok(())
}

fn positions(answer: &Value) -> Result<Positions> {
    let object = answer.as_object().context("positions are an object")?;
    let entry =
        |(partition, offset): (&String, &Value)| Ok((partition.parse()?, offset.as_i64().context("an offset")?));
    object.iter().map(entry).collect()
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the cache folder's name is text")
}
