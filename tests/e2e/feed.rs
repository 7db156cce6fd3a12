//! A topic with orders in it. What was produced is what the broker acknowledged, written down record by record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{Kafka, Python, answer};
use k2i_tests::process::Process;
use k2i_tests::scene::Scene;
use serde_json::Value;

/// How long a producer may take to finish once it was told to.
const PRODUCE_LIMIT: Duration = Duration::from_secs(90);

/// Next offset by topic partition.
pub type Positions = BTreeMap<i32, i64>;

/// A topic, by default on the shared broker.
pub struct Feed<'a> {
    scene: &'a Scene,
    python: &'static Python,
    bootstrap: String,
    topic: String,
    acks: Vec<PathBuf>,
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

impl<'a> Feed<'a> {
    /// Creates the topic.
    pub fn create(scene: &'a Scene, topic: &str, partitions: u32) -> Result<Self> {
        Self::create_at(scene, &Kafka::shared()?.bootstrap(), topic, partitions, 1)
    }

    /// Creates the topic on other brokers, with so many copies.
    pub fn create_at(scene: &'a Scene, bootstrap: &str, topic: &str, partitions: u32, replicas: u32) -> Result<Self> {
        let python = Python::shared()?;
        let (partitions, replicas) = (partitions.to_string(), replicas.to_string());
        python.ask(scene, "kafka_tool.py", &[bootstrap, "create-topic", topic, &partitions, &replicas])?;
        Ok(Self { scene, python, bootstrap: bootstrap.to_owned(), topic: topic.to_owned(), acks: Vec::new() })
    }

    /// Which node leads each topic partition, and how many copies of it are in sync.
    pub fn leaders(&self) -> Result<BTreeMap<i32, (usize, usize)>> {
        let leaders: BTreeMap<String, (i64, usize)> = serde_json::from_value(self.kafka(&["leaders", &self.topic])?)?;
        let led = |(partition, (node, copies)): (String, (i64, usize))| {
            Ok((partition.parse()?, (usize::try_from(node).context("it has no leader")?, copies)))
        };
        leaders.into_iter().map(led).collect()
    }

    /// Gives a user a right on the topic (`TOPIC`) or the group (`GROUP`) of this name.
    pub fn grant(&self, user: &str, operation: &str, kind: &str, name: &str) -> Result<()> {
        self.kafka(&["grant", user, operation, kind, name]).map(|_| ())
    }

    /// Takes a right away that was granted.
    pub fn revoke(&self, user: &str, operation: &str, kind: &str, name: &str) -> Result<()> {
        let answer = self.kafka(&["revoke", user, operation, kind, name])?;
        ensure!(answer["revoked"] == 1, "no such right was granted: {answer}");
        Ok(())
    }

    /// Creates the topic with these settings, each `name=value`.
    pub fn create_with(scene: &'a Scene, topic: &str, partitions: u32, settings: &[&str]) -> Result<Self> {
        let python = Python::shared()?;
        let bootstrap = Kafka::shared()?.bootstrap();
        let partitions = partitions.to_string();
        let args = [&[bootstrap.as_str(), "create-topic", topic, &partitions, "1"], settings].concat();
        python.ask(scene, "kafka_tool.py", &args)?;
        Ok(Self { scene, python, bootstrap, topic: topic.to_owned(), acks: Vec::new() })
    }

    /// What the broker says of the topic: its id among it.
    pub fn describe(&self) -> Result<Value> {
        self.kafka(&["describe", &self.topic])
    }

    /// Deletes the topic.
    pub fn delete(&self) -> Result<()> {
        self.kafka(&["delete-topic", &self.topic]).map(|_| ())
    }

    /// Creates a topic of the same name after [`Feed::delete`].
    pub fn create_again(&self, partitions: u32) -> Result<Value> {
        self.kafka(&["create-topic", &self.topic, &partitions.to_string()])
    }

    /// Adds topic partitions until there are so many.
    pub fn grow(&self, partitions: u32) -> Result<()> {
        self.kafka(&["add-partitions", &self.topic, &partitions.to_string()]).map(|_| ())
    }

    /// Lets a topic partition's log begin at `offset`, as retention does.
    pub fn delete_records(&self, partition: i32, offset: i64) -> Result<()> {
        self.kafka(&["delete-records", &self.topic, &partition.to_string(), &offset.to_string()]).map(|_| ())
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The broker's address.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The files that name every acknowledged record.
    pub fn acks(&self) -> &[PathBuf] {
        &self.acks
    }

    /// Produces so many orders as fast as it goes, and returns their tally.
    pub fn produce(&mut self, orders: u32) -> Result<Value> {
        self.start(&["--orders", &orders.to_string()])?.finish()
    }

    /// Produces so many orders, the first of them with this number, as fast as it goes.
    pub fn produce_from(&mut self, first: u32, orders: u32) -> Result<Value> {
        self.start(&["--first", &first.to_string(), "--orders", &orders.to_string()])?.finish()
    }

    /// As [`Feed::produce_from`], in batches that are compressed by these codecs in turn.
    pub fn produce_compressed(&mut self, first: u32, orders: u32, codecs: &[&str]) -> Result<Value> {
        let (first, orders) = (first.to_string(), orders.to_string());
        self.start(&["--first", &first, "--orders", &orders, "--codecs", &codecs.join(",")])?.finish()
    }

    /// Produces so many orders at a steady rate.
    pub fn produce_slowly(&mut self, orders: u32, per_second: u32) -> Result<Production> {
        self.start(&["--orders", &orders.to_string(), "--per-second", &per_second.to_string()])
    }

    /// Produces at a steady rate until told to finish, and at least `orders`.
    pub fn keep_producing(&mut self, orders: u32, per_second: u32) -> Result<Production> {
        self.start(&["--orders", &orders.to_string(), "--per-second", &per_second.to_string(), "--until-eof"])
    }

    /// Sends one record to a topic partition, as it stands here; `None` is a record without a value. The answer is its
    /// offset. It is not among the [`Feed::acks`].
    pub fn send(&self, partition: i32, value: Option<&str>) -> Result<i64> {
        self.send_all(partition, &[value])?.pop().context("a record has an offset")
    }

    /// As [`Feed::send`], several records.
    pub fn send_all(&self, partition: i32, values: &[Option<&str>]) -> Result<Vec<i64>> {
        let (partition, values) = (partition.to_string(), serde_json::to_string(values)?);
        let offsets = self.kafka(&["send", &self.topic, &partition, &values])?;
        Ok(serde_json::from_value(offsets)?)
    }

    fn start(&mut self, how: &[&str]) -> Result<Production> {
        self.start_script("produce.py", how)
    }

    /// Starts a producer that takes the arguments of `produce.py` for the broker, the topic and the acks, and these.
    pub fn start_script(&mut self, script: &str, how: &[&str]) -> Result<Production> {
        let acks = self.scene.path(&format!("acks-{}-{}.csv", self.topic, self.acks.len()));
        let mut args = vec!["--bootstrap", &self.bootstrap, "--topic", &self.topic, "--acks", text(&acks)?];
        args.extend(how);
        let process = self.python.start(self.scene, script, &args)?;
        self.acks.push(acks);
        Ok(Production { process })
    }

    /// Where the topic ends.
    pub fn ends(&self) -> Result<Positions> {
        positions(&self.kafka(&["ends", &self.topic])?)
    }

    /// What a consumer group has published.
    pub fn published(&self, group: &str) -> Result<Positions> {
        positions(&self.kafka(&["committed", group, &self.topic])?)
    }

    fn kafka(&self, args: &[&str]) -> Result<Value> {
        self.python.ask(self.scene, "kafka_tool.py", &[&[self.bootstrap.as_str()], args].concat())
    }
}

fn positions(answer: &Value) -> Result<Positions> {
    let object = answer.as_object().context("positions are an object")?;
    let entry =
        |(partition, offset): (&String, &Value)| Ok((partition.parse()?, offset.as_i64().context("an offset")?));
    object.iter().map(entry).collect()
}

/// A path as an argument.
pub fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the cache folder's name is text")
}
