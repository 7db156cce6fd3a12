//! The real servers and engines that the tests use. Recipes, versions and installation are in `tests/components/`.
//!
//! Starting one either works or fails the test: nothing here answers "not available".

mod certificates;
mod flights;
mod kafka;
mod kafka_cluster;
mod kafka_node;
mod promtool;
mod python;
mod rest;
mod s3;
mod secured_kafka;
mod spark;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

pub use certificates::{Certificates, Identity};
pub use flights::flights;
pub use kafka::Kafka;
pub use kafka_cluster::KafkaCluster;
pub use promtool::promtool;
pub use python::{Python, Variable, answer};
pub use rest::{Listening, RestCatalog};
pub use s3::S3;
pub use secured_kafka::{PASSWORD, SecuredKafka};
pub use spark::Spark;

use crate::process::Process;
use crate::wait::{Look, until};
use crate::{cache, http};

/// How long a server may take until it answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// MinIO's program, built if it was not; that takes some 25 minutes.
///
/// # Errors
/// It could not be built.
pub fn minio() -> Result<PathBuf> {
    Ok(installed("minio")?.join("minio"))
}

/// The folder that a component stands in, installed if it was not. Messages of the installation go to standard error.
fn installed(component: &str) -> Result<PathBuf> {
    let script = cache::workspace().join("tests/components/install.sh");
    let run = Command::new(&script)
        .arg(component)
        .env("K2I_CACHE", cache::root()?)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", script.display()))?;
    ensure!(run.status.success(), "{} {component} failed: {}", script.display(), run.status);
    let path = String::from_utf8(run.stdout).context("the folder's name is text")?;
    Ok(PathBuf::from(path.trim_end()))
}

/// Waits until a server answers 200. False: it ended, since somebody else was quicker to take the port.
fn answers(process: &mut Process, port: u16, path: &str) -> Result<bool> {
    let what = format!("{} to answer at {path}", process.name());
    until(&what, ANSWER_LIMIT, || match process.ended()? {
        Some(_) if process.tail().contains("Address already in use") => Ok(Look::Done(false)),
        Some(status) => bail!("{} ended ({status}):\n{}", process.name(), process.tail()),
        None => Ok(match http::get(port, path) {
            Ok(answer) if answer.status == 200 => Look::Done(true),
            Ok(answer) => Look::NotYet(format!("{} {}", answer.status, answer.body)),
            Err(error) => Look::NotYet(format!("{error:#}")),
        }),
    })
}

/// The logs of the servers that tests share, for a failed test's report.
pub(crate) fn shared_logs() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for server in [kafka::SHARED, rest::SHARED, s3::SHARED, secured_kafka::SHARED, spark::SHARED] {
        let folder = cache::run_dir()?.join(server).join("logs");
        if folder.exists() {
            for entry in std::fs::read_dir(folder)? {
                found.push(entry?.path());
            }
        }
    }
    Ok(found)
}
