//! The real servers and engines that the tests use. Recipes, versions and installation are in `tests/components/`.
//!
//! Starting one either works or fails the test: nothing here answers "not available".

mod kafka;
mod python;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

pub use kafka::Kafka;
pub use python::{Python, answer};

use crate::cache;

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

/// The logs of the servers that tests share, for a failed test's report.
pub(crate) fn shared_logs() -> Result<Vec<PathBuf>> {
    let folder = cache::run_dir()?.join(kafka::SHARED).join("logs");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}
