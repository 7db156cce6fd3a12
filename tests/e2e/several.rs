//! Several topics and tables in one process: SQLite catalog, local folder, a commit every second.
//!
//! [`super::line::Line`] is the same for one topic and one table.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use k2i_tests::components::Kafka;
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::Scene;
use k2i_tests::wait::{Look, until};
use serde_json::Value;

use super::feed::text;
use super::table::Table;

/// Of the cluster, and of the consumer group: every scene has a catalog of its own, and topics of its own.
pub const CLUSTER: &str = "several";
const MAX_SIZE_MB: u64 = 256;
/// How long a table may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(60);

/// A configuration of several tables, and the processes that were started with it.
pub struct Several<'a> {
    scene: &'a Scene,
    promise: Promise,
    /// Lines of `[iceberg]` that all tables share.
    pub iceberg: String,
    tables: String,
    lives: u32,
}

impl<'a> Several<'a> {
    /// A configuration without tables, all files in the scene's folder.
    pub fn new(scene: &'a Scene) -> Result<Self> {
        let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
        Ok(Self { scene, promise, iceberg: String::new(), tables: String::new(), lives: 0 })
    }

    /// Adds `shop.<table>` from these topics, with further lines of its own `[iceberg]`.
    pub fn table(&mut self, table: &str, topics: &[&str], iceberg: &str) -> Result<Table> {
        writeln!(self.tables, "\n[[tables]]\ntopics = {topics:?}\ndatabase = \"shop\"\ntable = {table:?}")?;
        writeln!(self.tables, "[tables.iceberg]\n{iceberg}")?;
        self.find(table)
    }

    /// `shop.<table>` as others see it.
    pub fn find(&self, table: &str) -> Result<Table> {
        Table::in_sqlite(&self.scene.path("catalog.db"), &format!("shop.{table}"))
    }

    /// Starts `k2i ingest`, anew or again.
    pub fn ingest(&mut self) -> Result<K2i> {
        self.lives += 1;
        let name = format!("k2i-{}", self.lives);
        let file = self.scene.path(&format!("{name}.toml"));
        fs::write(&file, self.config()?)?;
        let command = k2i::command(&["ingest", "--config", text(&file)?])?;
        K2i::start(self.scene, &name, command, &self.promise)
    }

    fn config(&self) -> Result<String> {
        let Self { scene, promise, iceberg, tables, .. } = self;
        let path = |name: &str| Ok::<_, anyhow::Error>(text(&scene.path(name))?.to_owned());
        Ok(format!(
            r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
group_id = "{CLUSTER}"

[buffer]
max_size_mb = {MAX_SIZE_MB}
flush_interval_seconds = 1

[iceberg]
catalog_type = "sql"
sql_uri = "sqlite:{catalog}"
warehouse = "file://{warehouse}"
{iceberg}

[storage]
type = "local"

[http]
health_address = "127.0.0.1:{health}"
metrics_address = "127.0.0.1:{metrics}"
{tables}"#,
            data = path("data")?,
            bootstrap = Kafka::shared()?.bootstrap(),
            catalog = path("catalog.db")?,
            warehouse = path("warehouse")?,
            health = promise.health_port,
            metrics = promise.metrics_port,
        ))
    }
}

/// Waits until `shop.<table>` is stopped for this reason, and returns what the log says of it in detail.
pub fn wait_stopped(k2i: &mut K2i, table: &str, reason: &str) -> Result<String> {
    let table = format!("shop.{table}");
    until(&format!("{table} to stop as {reason}"), STOP_LIMIT, || {
        k2i.expect_running()?;
        let stopped = stops(&k2i.log()).find(|stop| stop["table"] == table.as_str());
        let Some(stopped) = stopped else { return Ok(Look::NotYet("it is not stopped".into())) };
        anyhow::ensure!(stopped["reason"] == reason, "it stopped for another reason: {stopped}");
        Ok(Look::Done(stopped["detail"].as_str().context("a stop has a detail")?.to_owned()))
    })
}

/// The tables that a log says are stopped.
pub fn stopped_tables(log: &str) -> Vec<String> {
    stops(log).filter_map(|stop| stop["table"].as_str().map(str::to_owned)).collect()
}

fn stops(log: &str) -> impl Iterator<Item = Value> + '_ {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // Fields stand beside the message, flat or in an object of their own.
    let fields = lines.map(|line| if line["fields"].is_object() { line["fields"].clone() } else { line });
    fields.filter(|line| line["message"] == "the table is stopped")
}
