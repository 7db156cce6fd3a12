//! One KRaft node of Apache Kafka as a process: formatted, started, ready. What it is, its properties file says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process::Process;
use crate::wait::{Look, until};

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

/// Where nodes come from, and where they write.
pub(super) struct Place {
    jars: PathBuf,
    logs: PathBuf,
}

impl Place {
    /// Kafka, installed if it was not, with logs in this folder.
    pub(super) fn new(logs: PathBuf) -> Result<Self> {
        Ok(Self { jars: super::installed("kafka")?.join("jars/*"), logs })
    }

    /// Makes the node's data folder, with further arguments for Kafka's own tool.
    pub(super) fn format(&self, name: &str, config: &Path, cluster: &str, further: &[String]) -> Result<()> {
        let mut format = self.java("kafka.tools.StorageTool");
        // In one word: an id may begin with a hyphen.
        format.args(["format", &format!("--cluster-id={cluster}"), "-c"]).arg(config).args(further);
        let mut format = Process::spawn(&format!("{name}-format"), &self.logs, format)?;
        let status = format.wait(FORMAT_LIMIT)?;
        ensure!(status.success(), "kafka.tools.StorageTool failed ({status}):\n{}", format.tail());
        Ok(())
    }

    /// Starts the node, which is not ready yet.
    pub(super) fn spawn(&self, name: &str, config: &Path) -> Result<Process> {
        let mut run = self.java("kafka.Kafka");
        run.arg(config);
        Process::spawn(name, &self.logs, run)
    }

    fn java(&self, class: &str) -> Command {
        let mut command = Command::new("java");
        command.args(JVM).arg("-cp").arg(&self.jars).arg(class);
        command
    }
}

/// Waits until a node is ready. False: somebody else was quicker to take a chosen port.
pub(super) fn is_ready(process: &mut Process) -> Result<bool> {
    until(&format!("{} to start", process.name()), START_LIMIT, || {
        if process.errors().contains(READY) {
            return Ok(Look::Done(true));
        }
        match process.ended()? {
            Some(_) if process.errors().contains("Address already in use") => Ok(Look::Done(false)),
            Some(status) => bail!("{} ended ({status}):\n{}", process.name(), process.tail()),
            None => Ok(Look::NotYet(process.errors().lines().last().unwrap_or_default().to_owned())),
        }
    })
}

/// Tries a start in `folder`, which must not exist, until no chosen port is taken by somebody else.
pub(super) fn start<T>(folder: &Path, mut attempt: impl FnMut(&Path, &Place) -> Result<Option<T>>) -> Result<T> {
    let place = Place::new(folder.join("logs"))?;
    for number in 1..=TRIES {
        let own = folder.join(format!("start-{number}"));
        fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
        match attempt(&own, &place)? {
            Some(started) => return Ok(started),
            None => eprintln!("a port for Kafka was taken by somebody else, trying another"),
        }
    }
    bail!("found no port for Kafka in {TRIES} tries")
}

/// Writes `<name>.properties` from a form, with each `{word}` replaced. The data is in `<name>-data`.
pub(super) fn write_properties(folder: &Path, name: &str, form: &str, words: &[(&str, String)]) -> Result<PathBuf> {
    let data = folder.join(format!("{name}-data"));
    let mut text = form.replace("{data}", data.to_str().context("the cache folder's name is text")?);
    for (word, value) in words {
        text = text.replace(&format!("{{{word}}}"), value);
    }
    let path = folder.join(format!("{name}.properties"));
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A cluster id that no other broker has: 128 bits as 22 characters of URL-safe base64, which is what Kafka takes.
pub(super) fn cluster_id() -> Result<String> {
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
