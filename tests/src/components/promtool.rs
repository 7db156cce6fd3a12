//! Prometheus' own judge of metrics, alert rules and configurations.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Runs `promtool` with these arguments and this input; gives what it printed.
///
/// # Errors
/// It could not be installed, or it refuses the input.
pub fn promtool(args: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(super::installed("promtool")?.join("promtool"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run promtool")?;
    // It reads all before it prints, so neither waits for the other.
    child.stdin.take().context("promtool was given an input")?.write_all(input.as_bytes())?;
    let run = child.wait_with_output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    ensure!(run.status.success(), "promtool {args:?}: {}\n{said}", run.status);
    Ok(said)
}
