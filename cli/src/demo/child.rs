//! The `k2i ingest` that the demo runs and kills: the same program, as a child.
//!
//! It cannot outlive the demo: dropping [`Ingest`] kills it, and should the demo itself be killed, the kernel ends it
//! (`PR_SET_PDEATHSIG`, which counts from the thread that started it: the main one). A kill loses nothing, which is
//! what the demo is about.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use serde_json::Value;

/// How often its end is looked for.
const LOOK: Duration = Duration::from_millis(20);
/// Last lines of its log that an error repeats.
const TAIL: usize = 12;

/// A running, or just ended, `k2i ingest`.
#[derive(Debug)]
pub(super) struct Ingest {
    child: Child,
    log: PathBuf,
    /// Where it serves its metrics, once its log has said so.
    metrics: Option<String>,
    peak_mb: u64,
}

impl Ingest {
    /// Starts it; its log goes to `log`, as JSON.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(config: &Path, log: PathBuf) -> Result<Self> {
        let program = std::env::current_exe().context("the program does not know its own path")?;
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(&program);
        command.arg("ingest").arg("--config").arg(config).env_remove("RUST_LOG");
        // The caller's own settings are for the caller's own tables.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("K2I__")) {
            command.env_remove(name);
        }
        // A group of its own: Ctrl-C is the demo's to answer.
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
        // SAFETY: the closure runs between fork and exec and makes one system call; it neither allocates nor locks.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
        }
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { child, log, metrics: None, peak_mb: 0 })
    }

    /// Fails, with the end of its log, if it has ended.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.child.try_wait().context("cannot look after k2i ingest")? {
            None => Ok(()),
            Some(status) => {
                bail!("k2i ingest ended by itself ({status}); the end of {}:\n{}", self.log.display(), self.tail())
            }
        }
    }

    /// Ends it with SIGKILL, now.
    ///
    /// # Errors
    /// It had ended before.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.check()?;
        self.child.kill().context("k2i ingest cannot be killed")?;
        self.child.wait().context("cannot wait for k2i ingest").map(|_| ())
    }

    /// Asks it to drain and waits for its end, which must be a good one.
    ///
    /// # Errors
    /// It does not end in time, or not with 0.
    pub(super) async fn drain(&mut self, limit: Duration) -> Result<()> {
        self.check()?;
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a child has an id")?;
        // Not waited for yet, so the id is still this child's.
        kill_process(id, Signal::TERM).context("k2i ingest cannot be signalled")?;
        let status = tokio::time::timeout(limit, self.ended()).await;
        let status = status.with_context(|| format!("k2i ingest did not drain within {} s", limit.as_secs()))??;
        ensure!(status.success(), "k2i ingest ended its drain with {status}:\n{}", self.tail());
        Ok(())
    }

    async fn ended(&mut self) -> Result<ExitStatus> {
        loop {
            self.note_peak();
            if let Some(status) = self.child.try_wait().context("cannot look after k2i ingest")? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Highest resident memory so far, in MiB.
    pub(super) fn note_peak(&mut self) -> u64 {
        // No page, or no such line: it has ended, and what was seen before stands.
        let page = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = page.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        self.peak_mb = self.peak_mb.max(kib.unwrap_or(0) / 1024);
        self.peak_mb
    }

    /// The lines of its log so far, those that are whole.
    pub(super) fn lines(&self) -> Vec<LogLine> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok().map(LogLine)).collect()
    }

    /// Where it serves its metrics, once it does.
    pub(super) fn metrics(&mut self) -> Option<&str> {
        if self.metrics.is_none() {
            let lines = self.lines();
            let listening = |line: &&LogLine| line.says("listening") && line.text("key") == "http.metrics_address";
            let found = lines.iter().find(listening);
            self.metrics = found.map(|line| format!("http://{}/metrics", line.text("address")));
        }
        self.metrics.as_deref()
    }

    fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        // An error is a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One line of the log.
#[derive(Debug)]
pub(super) struct LogLine(Value);

impl LogLine {
    /// True when this is its message.
    pub(super) fn says(&self, message: &str) -> bool {
        self.text("message") == message
    }

    /// A field of text, empty when there is none.
    pub(super) fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// A field that is a number.
    pub(super) fn number(&self, field: &str) -> Option<u64> {
        self.0[field].as_u64()
    }
}
