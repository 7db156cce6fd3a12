//! Tables in any catalog and on any store, both given as lines of the configuration: where most other end-to-end tests
//! stand on a SQLite catalog and a local folder.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use k2i_tests::components::{Kafka, Variable};
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::Scene;
use k2i_tests::wait::{Look, until};

use super::feed::text;

/// How long a process that runs may take to say what it lacks.
const SAID_LIMIT: Duration = Duration::from_secs(60);

/// A configuration, and the processes that were started with it.
pub struct Lake<'a> {
    scene: &'a Scene,
    promise: Promise,
    tables: String,
    /// Variables of the next process, beside none of the caller's.
    pub variables: Vec<Variable>,
    lives: u32,
}

impl<'a> Lake<'a> {
    /// A configuration without tables.
    pub fn new(scene: &'a Scene) -> Result<Self> {
        let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: 256 };
        Ok(Self { scene, promise, tables: String::new(), variables: Vec::new(), lives: 0 })
    }

    /// Adds `namespace.table` from a topic, with the lines of its `[iceberg]` and `[storage]`.
    pub fn table(&mut self, name: &str, topic: &str, iceberg: &str, storage: &str) -> Result<()> {
        let (database, table) = name.split_once('.').context("a name has a namespace")?;
        writeln!(self.tables, "\n[[tables]]\ntopic = {topic:?}\ndatabase = {database:?}\ntable = {table:?}")?;
        writeln!(self.tables, "[tables.iceberg]\n{iceberg}\n[tables.storage]\n{storage}")?;
        Ok(())
    }

    /// The same tables elsewhere: replaces one text of their lines by another, for the next life.
    pub fn change(&mut self, from: &str, to: &str) {
        self.tables = self.tables.replace(from, to);
    }

    /// Starts `k2i ingest`, anew or again; a commit is due every second.
    pub fn ingest(&mut self) -> Result<K2i> {
        self.lives += 1;
        let name = format!("k2i-{}", self.lives);
        let file = self.scene.path(&format!("{name}.toml"));
        let Promise { health_port, metrics_port, max_size_mb } = self.promise;
        let config = format!(
            r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
group_id = "{group}"

[buffer]
max_size_mb = {max_size_mb}
flush_interval_seconds = 1

[http]
health_address = "127.0.0.1:{health_port}"
metrics_address = "127.0.0.1:{metrics_port}"
{tables}"#,
            data = text(&self.scene.path("data"))?,
            bootstrap = Kafka::shared()?.bootstrap(),
            group = self.scene.name(),
            tables = self.tables,
        );
        fs::write(&file, config)?;
        let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        K2i::start(self.scene, &name, command, &self.promise)
    }
}

/// Waits until one line of the log has all of these words.
pub fn wait_said(k2i: &mut K2i, words: &[&str]) -> Result<()> {
    until(&format!("the log to say {words:?}"), SAID_LIMIT, || {
        k2i.expect_running()?;
        let log = k2i.log();
        let said = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
        Ok(if said { Look::Done(()) } else { Look::NotYet(log.lines().last().unwrap_or_default().to_owned()) })
    })
}
