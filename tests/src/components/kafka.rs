//! Apache Kafka: one KRaft node on loopback, broker and controller in one process.
//!
//! Formatted and ready in about three seconds, with some 220 MB. Tests share one and use topics named after themselves; a
//! test that stops the broker, or loses its data, starts its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process::Process;
use crate::wait::{Look, until};
use crate::{cache, ports};

/// The shared broker's folder in the run folder.
pub(super) const SHARED: &str = "kafka";

const PROPERTIES: &str = include_str!("../../components/kafka/server.properties");
const FORMAT_LIMIT: Duration = Duration::from_secs(60);
const START_LIMIT: Duration = Duration::from_secs(120);
/// How often a start is tried when another process takes a chosen port first.
const TRIES: usize = 3;
/// Written when the broker is registered, unfenced and serving.
const READY: &str = "Kafka Server started";
/// Quick to start and small, rather than fast for long.
const JVM: [&str; 6] = [
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",
];

/// A running broker. Dropping it kills it.
pub struct Kafka {
    process: Process,
    port: u16,
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
        let jars = super::installed("kafka")?.join("jars/*");
        for number in 1..=TRIES {
            let attempt = folder.join(format!("start-{number}"));
            match Self::try_start(&jars, &attempt, &folder.join("logs"))? {
                Some(kafka) => return Ok(kafka),
                None => eprintln!("a port for Kafka was taken by somebody else, trying another"),
            }
        }
        bail!("found no port for Kafka in {TRIES} tries")
    }

    /// `None`: somebody else was quicker to take a chosen port.
    fn try_start(jars: &Path, folder: &Path, logs: &Path) -> Result<Option<Self>> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let port = ports::free()?;
        let config = write_properties(folder, port, ports::free()?)?;

        let mut format = java(jars, "kafka.tools.StorageTool");
        // In one word: an id may begin with a hyphen.
        format.args(["format", &format!("--cluster-id={}", cluster_id()?), "-c"]).arg(&config);
        let mut format = Process::spawn("kafka-format", logs, format)?;
        let status = format.wait(FORMAT_LIMIT)?;
        ensure!(status.success(), "kafka.tools.StorageTool failed ({status}):\n{}", format.tail());

        let mut run = java(jars, "kafka.Kafka");
        run.arg(&config);
        let mut process = Process::spawn("kafka", logs, run)?;
        let ready = until("Kafka to start", START_LIMIT, || {
            if process.errors().contains(READY) {
                return Ok(Look::Done(true));
            }
            match process.ended()? {
                Some(_) if process.errors().contains("Address already in use") => Ok(Look::Done(false)),
                Some(status) => bail!("Kafka ended ({status}):\n{}", process.tail()),
                None => Ok(Look::NotYet(process.errors().lines().last().unwrap_or_default().to_owned())),
            }
        })?;
        Ok(ready.then_some(Self { process, port }))
    }

    /// What clients connect to.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

fn java(jars: &Path, class: &str) -> Command {
    let mut command = Command::new("java");
    command.args(JVM).arg("-cp").arg(jars).arg(class);
    command
}

fn write_properties(folder: &Path, port: u16, controller_port: u16) -> Result<PathBuf> {
    let data = folder.join("data");
    let text = PROPERTIES
        .replace("{port}", &port.to_string())
        .replace("{controller_port}", &controller_port.to_string())
        .replace("{data}", data.to_str().context("the cache folder's name is text")?);
    let path = folder.join("server.properties");
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A cluster id that no other broker has: 128 bits as 22 characters of URL-safe base64, which is what Kafka takes.
fn cluster_id() -> Result<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid").context("no random id from the kernel")?;
    let mut bits = u128::from_str_radix(&uuid.trim().replace('-', ""), 16).context("the kernel's id is a UUID")?;
    // 22 characters hold 132 bits; the last one carries the lowest two, padded with zeros.
    let mut text = vec![ALPHABET[((bits & 0b11) << 4) as usize]];
    bits >>= 2;
    for _ in 0..21 {
        text.push(ALPHABET[(bits & 0b11_1111) as usize]);
        bits >>= 6;
    }
    text.reverse();
    String::from_utf8(text).context("the alphabet is ASCII")
}
