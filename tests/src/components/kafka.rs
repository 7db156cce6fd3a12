//! Apache Kafka: one KRaft node on loopback, broker and controller in one process.
//!
//! Formatted and ready in about three seconds, with some 220 MB. Tests share one and use topics named after themselves; a
//! test that stops the broker, or loses its data, starts its own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::Result;

use super::kafka_node::{self, Place};
use crate::process::Process;
use crate::{cache, ports};

/// The shared broker's folder in the run folder.
pub(super) const SHARED: &str = "kafka";

const PROPERTIES: &str = include_str!("../../components/kafka/server.properties");

/// A running broker. Dropping it kills it.
pub struct Kafka {
    process: Process,
    port: u16,
    data: PathBuf,
}

impl Kafka {
    /// The broker that all tests of this process share, started by whoever asks first.
    ///
    /// # Errors
    /// It could not be installed or started.
    pub fn shared() -> Result<&'static Self> {
        static BROKER: OnceLock<std::result::Result<Kafka, String>> = OnceLock::new();
        let started = BROKER.get_or_init(|| {
            let start = || Self::start(&cache::run_dir()?.join(SHARED));
            start().map_err(|error| format!("{error:#}"))
        });
        started.as_ref().map_err(|error| anyhow::anyhow!("no Kafka: {error}"))
    }

    /// Starts a broker of its own with its data in `folder`, which must not exist.
    ///
    /// # Errors
    /// It could not be installed, or did not get ready.
    pub fn start(folder: &Path) -> Result<Self> {
        kafka_node::start(folder, Self::try_start)
    }

    /// `None`: somebody else was quicker to take a chosen port.
    fn try_start(folder: &Path, place: &Place) -> Result<Option<Self>> {
        let port = ports::free()?;
        let words = [("port", port.to_string()), ("controller_port", ports::free()?.to_string())];
        let config = kafka_node::write_properties(folder, "server", PROPERTIES, &words)?;
        place.format("kafka", &config, &kafka_node::cluster_id()?, &[])?;
        let mut process = place.spawn("kafka", &config)?;
        let ready = kafka_node::is_ready(&mut process)?;
        Ok(ready.then_some(Self { process, port, data: folder.join("server-data") }))
    }

    /// What clients connect to.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The folder of a topic partition's log, as the broker keeps it.
    #[must_use]
    pub fn log_folder(&self, topic: &str, partition: i32) -> PathBuf {
        self.data.join(format!("{topic}-{partition}"))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}
