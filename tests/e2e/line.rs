//! One topic into one table, SQLite catalog and local folder: the ground that most end-to-end tests stand on.
//!
//! What should be in the table is what the broker acknowledged ([`Feed`]), what is in it is what other engines find
//! ([`Table`]). K2I is asked about neither.

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Kafka;
use k2i_tests::k2i::{IngestConfig, K2i};
use k2i_tests::scene::Scene;
use serde_json::Value;

use super::feed::{Feed, Positions, Production};
use super::table::Table;

/// A topic on the shared broker and the configuration that moves it into a table.
pub struct Line<'a> {
    scene: &'a Scene,
    feed: Feed<'a>,
    /// What `k2i` is started with.
    pub config: IngestConfig,
    lives: u32,
}

impl<'a> Line<'a> {
    /// Creates the topic. Nothing of the table exists yet.
    pub fn lay(scene: &'a Scene, partitions: u32) -> Result<Self> {
        let config = IngestConfig::new(scene, &Kafka::shared()?.bootstrap())?;
        let feed = Feed::create(scene, &config.topic, partitions)?;
        Ok(Self { scene, feed, config, lives: 0 })
    }

    /// See [`Feed::produce`].
    pub fn produce(&mut self, orders: u32) -> Result<Value> {
        self.feed.produce(orders)
    }

    /// See [`Feed::keep_producing`].
    pub fn keep_producing(&mut self, orders: u32, per_second: u32) -> Result<Production> {
        self.feed.keep_producing(orders, per_second)
    }

    /// Starts `k2i ingest`, anew or again.
    pub fn ingest(&mut self) -> Result<K2i> {
        self.ingest_with(&[])
    }

    /// As [`Line::ingest`], with these further variables.
    pub fn ingest_with(&mut self, variables: &[(&str, &str)]) -> Result<K2i> {
        self.start(&[], variables)
    }

    /// As [`Line::ingest`], with these further arguments.
    pub fn ingest_as(&mut self, args: &[&str]) -> Result<K2i> {
        self.start(args, &[])
    }

    fn start(&mut self, args: &[&str], variables: &[(&str, &str)]) -> Result<K2i> {
        self.lives += 1;
        K2i::ingest_with(self.scene, &format!("k2i-{}", self.lives), &self.config, args, variables)
    }

    /// Starts `k2i ingest` with a person's decision on its stopped table, made on this head.
    pub fn ingest_deciding(&mut self, decision: &str, head: i64) -> Result<K2i> {
        let resume = format!("{}={decision}", self.config.full_table());
        self.ingest_as(&["--resume", &resume, "--expect-snapshot", &head.to_string()])
    }

    /// One life, killed once rows are committed. The answer is the number of rows in the table then.
    pub fn kill_with_rows(&mut self) -> Result<u64> {
        let mut k2i = self.ingest()?;
        k2i.wait_ready()?;
        self.wait_rows(1)?;
        k2i.kill()?;
        self.rows()
    }

    /// The topic.
    pub fn feed(&mut self) -> &mut Feed<'a> {
        &mut self.feed
    }

    /// See [`Table::wait_rows`].
    pub fn wait_rows(&self, rows: u64) -> Result<()> {
        self.table()?.wait_rows(self.scene, rows)
    }

    /// See [`Table::rows`].
    pub fn rows(&self) -> Result<u64> {
        self.table()?.rows(self.scene)
    }

    /// See [`Table::check_exact`].
    pub fn check_exact(&self, tally: &Value) -> Result<()> {
        self.table()?.check_exact(self.scene, self.feed.acks(), tally)
    }

    /// Lets a process that is up take all that is produced, checks that it is there once, also after a drain, and that
    /// the table is in this life of its. The answer is the number of rows.
    pub fn finish_exact(&mut self, mut k2i: K2i, production: Production, incarnation: u32) -> Result<u64> {
        k2i.wait_ready()?;
        let tally = production.finish()?;
        let rows = tally["rows"].as_u64().context("a tally counts rows")?;
        self.wait_rows(rows)?;
        self.check_exact(&tally)?;
        let life = self.identity()?;
        ensure!(life["incarnation"] == incarnation, "life {incarnation} was to be expected: {life}");
        k2i.drain()?;
        self.check_exact(&tally)?;
        Ok(rows)
    }

    /// Where the topic ends.
    pub fn ends(&self) -> Result<Positions> {
        self.feed.ends()
    }

    /// What the consumer group has published.
    pub fn published(&self) -> Result<Positions> {
        self.feed.published(&self.config.group_id)
    }

    /// The watermark in the table's own properties.
    pub fn watermark(&self) -> Result<Positions> {
        self.table()?.watermark(self.scene, &self.config.group_id)
    }

    /// The identity in the table's own properties.
    pub fn identity(&self) -> Result<Value> {
        let properties = self.table()?.properties(self.scene)?;
        let key = format!("k2i.{}.state", self.config.group_id);
        let state = properties[&key].as_str().with_context(|| format!("no {key} in {properties}"))?;
        Ok(serde_json::from_str(state)?)
    }

    /// The id of the snapshot that `main` points at.
    pub fn head(&self) -> Result<i64> {
        self.table()?.head(self.scene)?["snapshot-id"].as_i64().context("a snapshot has an id")
    }

    /// The table as others see it.
    pub fn table(&self) -> Result<Table> {
        Table::in_sqlite(&self.config.catalog, &self.config.full_table())
    }
}
