//! Apache Kafka of three KRaft nodes on loopback, each broker and controller. One at a time may be killed, and started again.
//!
//! Topics have three copies and take a record when two have it. Leadership moves within seconds of a death: nodes are
//! given up after three, not nine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::kafka_node::{self, Place};
use crate::ports;
use crate::process::Process;

const PROPERTIES: &str = include_str!("../../components/kafka/replicated.properties");
const NODES: usize = 3;

/// A running cluster. Dropping it kills it.
pub struct KafkaCluster {
    place: Place,
    nodes: Vec<Node>,
}

struct Node {
    process: Process,
    config: PathBuf,
    port: u16,
    lives: u32,
}

impl KafkaCluster {
    /// Starts a cluster with its data in `folder`, which must not exist.
    ///
    /// # Errors
    /// It could not be installed, or did not get ready.
    pub fn start(folder: &Path) -> Result<Self> {
        let nodes = kafka_node::start(folder, Self::try_start)?;
        Ok(Self { place: Place::new(folder.join("logs"))?, nodes })
    }

    /// `None`: somebody else was quicker to take a chosen port.
    fn try_start(folder: &Path, place: &Place) -> Result<Option<Vec<Node>>> {
        let ports = (0..NODES).map(|_| Ok((ports::free()?, ports::free()?))).collect::<Result<Vec<_>>>()?;
        let voters = (1..).zip(&ports).map(|(id, (_, controller))| format!("{id}@127.0.0.1:{controller}"));
        let voters = voters.collect::<Vec<_>>().join(",");
        let cluster = kafka_node::cluster_id()?;
        let mut nodes = Vec::new();
        for (id, (port, controller)) in (1..).zip(ports) {
            let words = [
                ("id", format!("{id}")),
                ("voters", voters.clone()),
                ("port", port.to_string()),
                ("controller_port", controller.to_string()),
            ];
            let name = format!("kafka-{id}");
            let config = kafka_node::write_properties(folder, &name, PROPERTIES, &words)?;
            place.format(&name, &config, &cluster, &[])?;
            nodes.push(Node { process: place.spawn(&format!("{name}-1"), &config)?, config, port, lives: 1 });
        }
        // None is ready before most of them run.
        for node in &mut nodes {
            if !kafka_node::is_ready(&mut node.process)? {
                return Ok(None);
            }
        }
        Ok(Some(nodes))
    }

    /// What clients connect to: every node.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect::<Vec<_>>().join(",")
    }

    /// Ends a node, by its id from 1, with SIGKILL.
    ///
    /// # Errors
    /// There is no such node, or it had ended before.
    pub fn kill(&mut self, id: usize) -> Result<()> {
        let node = self.node(id)?;
        node.process.expect_running()?;
        node.process.kill()
    }

    /// Starts a node that was killed, with the data that it had.
    ///
    /// # Errors
    /// There is no such node, it runs, or it did not get ready.
    pub fn start_again(&mut self, id: usize) -> Result<()> {
        let node = self.node(id)?;
        ensure!(node.process.ended()?.is_some(), "node {id} runs");
        node.lives += 1;
        let (name, config) = (format!("kafka-{id}-{}", node.lives), node.config.clone());
        let mut process = self.place.spawn(&name, &config)?;
        ensure!(kafka_node::is_ready(&mut process)?, "the port of node {id} was taken while it was down");
        self.node(id)?.process = process;
        Ok(())
    }

    fn node(&mut self, id: usize) -> Result<&mut Node> {
        let place = id.checked_sub(1).context("nodes are counted from 1")?;
        self.nodes.get_mut(place).with_context(|| format!("there is no node {id}"))
    }
}
