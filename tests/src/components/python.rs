//! The Python environment of the tests: a Kafka client, DuckDB and PyIceberg, all of them somebody else's code.
//!
//! Scripts are in `tests/e2e/*.py`; each prints one JSON value and exits 0, or says on standard error what went wrong.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cache;
use crate::process::{Process, undisturbed};
use crate::scene::Scene;

/// How long a script may take unless its caller says otherwise.
const LIMIT: Duration = Duration::from_secs(120);

/// An environment variable of a child.
pub type Variable = (&'static str, String);

/// The environment's interpreter.
pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    /// The environment, installed if it was not.
    ///
    /// # Errors
    /// It could not be installed.
    pub fn shared() -> Result<&'static Self> {
        static ENVIRONMENT: OnceLock<std::result::Result<Python, String>> = OnceLock::new();
        let found = ENVIRONMENT.get_or_init(|| match super::installed("python") {
            Ok(folder) => Ok(Self { interpreter: folder.join("bin/python") }),
            Err(error) => Err(format!("{error:#}")),
        });
        found.as_ref().map_err(|error| anyhow::anyhow!("no Python environment: {error}"))
    }

    /// Starts a script. One that is to be told something has an input ([`Process::take_input`]).
    ///
    /// # Errors
    /// It could not be started.
    pub fn start(&self, scene: &Scene, script: &str, args: &[&str]) -> Result<Process> {
        self.start_with(scene, script, args, &[])
    }

    fn start_with(&self, scene: &Scene, script: &str, args: &[&str], variables: &[Variable]) -> Result<Process> {
        // Numbered in the order in which they run, so that a report reads like the test.
        static RUNS: AtomicU32 = AtomicU32::new(1);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let mut command = Command::new(&self.interpreter);
        // -B: no compiled files beside the scripts, in the clone.
        command.arg("-B").arg(cache::workspace().join("tests/e2e").join(script)).args(args);
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        // A script may start `k2i` itself.
        undisturbed(&mut command);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Process::spawn_with_input(&format!("{run:03}-{}", script.trim_end_matches(".py")), &scene.logs(), command)
    }

    /// Runs a script to its end and returns what it printed.
    ///
    /// # Errors
    /// It failed, took more than two minutes, or printed no JSON.
    pub fn ask(&self, scene: &Scene, script: &str, args: &[&str]) -> Result<Value> {
        self.ask_with(scene, script, args, &[])
    }

    /// As [`Python::ask`], with these further variables.
    ///
    /// # Errors
    /// See [`Python::ask`].
    pub fn ask_with(&self, scene: &Scene, script: &str, args: &[&str], variables: &[Variable]) -> Result<Value> {
        let mut process = self.start_with(scene, script, args, variables)?;
        drop(process.take_input());
        answer(&mut process, LIMIT)
    }
}

/// Waits for a script that was started on its own and returns what it printed.
///
/// # Errors
/// It failed, took longer than `limit`, or printed no JSON.
pub fn answer(process: &mut Process, limit: Duration) -> Result<Value> {
    let status = process.wait(limit)?;
    ensure!(status.success(), "{} failed ({status}):\n{}", process.name(), process.tail());
    let printed = process.output();
    serde_json::from_str(&printed).with_context(|| format!("{} printed no JSON: {printed:?}", process.name()))
}
