//! Several topics and tables in one process: SQLite catalog, local folder, by default a commit every second.
//!
//! [`super::line::Line`] is the same for one topic and one table.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
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
    /// Time between commits.
    pub flush_interval_seconds: u64,
    /// The memory budget.
    pub max_size_mb: u64,
    /// Further variables of the process.
    pub variables: Vec<(&'static str, String)>,
    tables: Vec<Lines>,
    lives: u32,
}

/// A table in the configuration.
struct Lines {
    table: String,
    topics: Vec<String>,
    /// The further lines.
    iceberg: String,
}

impl<'a> Several<'a> {
    /// A configuration without tables, all files in the scene's folder.
    pub fn new(scene: &'a Scene) -> Result<Self> {
        let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
        Ok(Self {
            scene,
            promise,
            iceberg: String::new(),
            flush_interval_seconds: 1,
            max_size_mb: MAX_SIZE_MB,
            variables: Vec::new(),
            tables: Vec::new(),
            lives: 0,
        })
    }

    /// Adds `shop.<table>` from these topics, with further lines: of its own `[iceberg]`, then of other sections.
    pub fn table(&mut self, table: &str, topics: &[&str], iceberg: &str) -> Result<Table> {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.tables.push(Lines { table: table.to_owned(), topics, iceberg: iceberg.to_owned() });
        self.find(table)
    }

    /// Changes the further lines of `shop.<table>`, for the next life.
    pub fn change(&mut self, table: &str, iceberg: &str) -> Result<()> {
        let lines = self.tables.iter_mut().find(|lines| lines.table == table).context("no such table")?;
        iceberg.clone_into(&mut lines.iceberg);
        Ok(())
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
        let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        K2i::start(self.scene, &name, command, &Promise { max_size_mb: self.max_size_mb, ..self.promise })
    }

    fn config(&self) -> Result<String> {
        let Self { scene, promise, iceberg, flush_interval_seconds, max_size_mb, .. } = self;
        let mut tables = String::new();
        for Lines { table, topics, iceberg } in &self.tables {
            writeln!(tables, "\n[[tables]]\ntopics = {topics:?}\ndatabase = \"shop\"\ntable = {table:?}")?;
            writeln!(tables, "[tables.iceberg]\n{iceberg}")?;
        }
        let path = |name: &str| Ok::<_, anyhow::Error>(text(&scene.path(name))?.to_owned());
        Ok(format!(
            r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
group_id = "{CLUSTER}"

[buffer]
max_size_mb = {max_size_mb}
flush_interval_seconds = {flush_interval_seconds}

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
        ensure!(stopped["reason"] == reason, "it stopped for another reason: {stopped}");
        Ok(Look::Done(stopped["detail"].as_str().context("a stop has a detail")?.to_owned()))
    })
}

/// Fails unless a stop's detail has every one of these texts.
pub fn expect_names(detail: &str, names: &[&str]) -> Result<()> {
    for name in names {
        ensure!(detail.contains(name), "{detail:?} does not name {name}");
    }
    Ok(())
}

/// The tables that a log says are stopped.
pub fn stopped_tables(log: &str) -> Vec<String> {
    stops(log).filter_map(|stop| stop["table"].as_str().map(str::to_owned)).collect()
}

fn stops(log: &str) -> impl Iterator<Item = Value> + '_ {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "the table is stopped")
}
