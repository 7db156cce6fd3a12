//! `k2i` as its users run it: a configuration file, a child process, two HTTP ports, signals.
//!
//! Every way to end it checks the promise that memory stays within the budget, and that no invariant was found broken.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::http;
use crate::process::{Process, undisturbed};
use crate::scene::Scene;
use crate::wait::{Look, until};

mod config;

pub use config::IngestConfig;

/// How far above `max_size_mb` a process's resident memory may ever go, in MiB.
pub const RSS_ALLOWANCE_MB: u64 = 150;
/// How long a start may take: opening its stores, finding its servers, recovering.
pub const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long rows may take from the broker to the worker.
const READ_LIMIT: Duration = Duration::from_secs(90);
/// How long a drain may take.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// The program that was built together with these tests.
///
/// # Errors
/// It was not built, or some of its sources are newer: a test of an old program would prove nothing.
pub fn binary() -> Result<&'static Path> {
    static FOUND: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| find_binary().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn find_binary() -> Result<PathBuf> {
    // The program is <target>/<profile>/k2i; the test binary <target>/<profile>/deps/k2i-<hash>, the benchmark beside k2i.
    let own = std::env::current_exe().context("no path of the running program")?;
    let folder = own.parent().context("a program lies in a folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join("k2i");
    let hint = "build it with `make build`, or test with `make test`";
    let built = fs::metadata(&program).and_then(|file| file.modified());
    let built = built.with_context(|| format!("no program at {}: {hint}", program.display()))?;
    let sources = fs::read_to_string(folder.join("k2i.d")).context("cargo writes k2i.d beside k2i")?;
    let (_, sources) = sources.split_once(": ").context("k2i.d has the form of a make rule")?;
    for source in sources.split_whitespace() {
        let changed = fs::metadata(source).and_then(|file| file.modified());
        ensure!(
            changed.is_ok_and(|changed| changed <= built),
            "{} is older than its source {source}: {hint}",
            program.display()
        );
    }
    Ok(program)
}

/// `k2i` with these arguments, not started yet, and without any of the caller's settings ([`undisturbed`]).
///
/// # Errors
/// See [`binary`].
pub fn command(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(args).env("RUST_BACKTRACE", "1");
    undisturbed(&mut command);
    Ok(command)
}

/// How a run that was to end by itself ended.
pub struct Ended {
    /// Its status.
    pub status: ExitStatus,
    /// Standard output and standard error, one after the other.
    pub text: String,
}

impl Ended {
    /// Checks the exit code, and that the output has every one of these texts.
    ///
    /// # Errors
    /// Names what is missing, with the whole output.
    pub fn expect(&self, code: i32, texts: &[&str]) -> Result<()> {
        let mut wrong = String::new();
        if self.status.code() != Some(code) {
            write!(wrong, "ended with {}, not with code {code}; ", self.status)?;
        }
        for text in texts.iter().filter(|text| !self.text.contains(**text)) {
            write!(wrong, "does not say {text:?}; ")?;
        }
        ensure!(wrong.is_empty(), "k2i {wrong}it printed:\n{}", self.text);
        Ok(())
    }
}

/// Runs `k2i` with these arguments to its end.
///
/// # Errors
/// It could not be started, or still runs after `limit`.
pub fn run(scene: &Scene, name: &str, args: &[&str], limit: Duration) -> Result<Ended> {
    let mut process = Process::spawn(name, &scene.logs(), command(args)?)?;
    let status = process.wait(limit)?;
    Ok(Ended { status, text: process.output() + &process.errors() })
}

/// What a configuration lets a test expect of the process.
#[derive(Debug, Clone, Copy)]
pub struct Promise {
    /// Port of `/readyz`.
    pub health_port: u16,
    /// Port of `/metrics`.
    pub metrics_port: u16,
    /// The memory budget.
    pub max_size_mb: u64,
}

impl Promise {
    /// What this configuration promises.
    #[must_use]
    pub fn of(config: &IngestConfig) -> Self {
        Self { health_port: config.health_port, metrics_port: config.metrics_port, max_size_mb: config.max_size_mb }
    }
}

/// A running `k2i ingest`.
pub struct K2i {
    process: Process,
    health_port: u16,
    metrics_port: u16,
    limit_mb: u64,
    peak_mb: u64,
}

impl K2i {
    /// Starts `k2i ingest --config` with these further arguments; `name` is the name of its logs.
    ///
    /// # Errors
    /// It could not be started.
    pub fn ingest(scene: &Scene, name: &str, config: &IngestConfig, args: &[&str]) -> Result<Self> {
        Self::ingest_with(scene, name, config, args, &[])
    }

    /// As [`K2i::ingest`], with these further variables.
    ///
    /// # Errors
    /// It could not be started.
    pub fn ingest_with(
        scene: &Scene,
        name: &str,
        config: &IngestConfig,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let file = config.write(scene, &format!("{name}.toml"))?;
        let mut command = command(&["ingest", "--config"])?;
        command.arg(file).args(args).envs(variables.iter().copied());
        Self::start(scene, name, command, &Promise::of(config))
    }

    /// Starts `command`, a `k2i ingest` whose configuration makes this promise.
    ///
    /// # Errors
    /// It could not be started.
    pub fn start(scene: &Scene, name: &str, command: Command, promise: &Promise) -> Result<Self> {
        Ok(Self {
            process: Process::spawn(name, &scene.logs(), command)?,
            health_port: promise.health_port,
            metrics_port: promise.metrics_port,
            limit_mb: promise.max_size_mb + RSS_ALLOWANCE_MB,
            peak_mb: 0,
        })
    }

    /// Waits until it is alive: its HTTP server answers.
    ///
    /// # Errors
    /// It ended, or did not answer in time.
    pub fn wait_live(&mut self) -> Result<()> {
        self.wait_for("/healthz")
    }

    /// Waits until it is ready: knows a leader, has recovered, reaches its servers.
    ///
    /// # Errors
    /// It ended, or did not get ready in time.
    pub fn wait_ready(&mut self) -> Result<()> {
        self.wait_for("/readyz")
    }

    fn wait_for(&mut self, path: &str) -> Result<()> {
        until(&format!("{} to answer 200 at {path}", self.process.name()), READY_LIMIT, || {
            self.process.expect_running()?;
            Ok(match http::get(self.health_port, path) {
                Ok(answer) if answer.status == 200 => Look::Done(()),
                Ok(answer) => Look::NotYet(format!("{} {}", answer.status, answer.body)),
                Err(error) => Look::NotYet(format!("{error:#}")),
            })
        })
        .with_context(|| format!("the end of its log:\n{}", self.process.tail()))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The status and body of a health path, once.
    ///
    /// # Errors
    /// It does not answer.
    pub fn health(&self, path: &str) -> Result<http::Answer> {
        http::get(self.health_port, path)
    }

    /// Its metrics, as Prometheus would read them.
    ///
    /// # Errors
    /// It does not answer.
    pub fn metrics(&self) -> Result<String> {
        let answer = http::get(self.metrics_port, "/metrics")?;
        ensure!(answer.status == 200, "/metrics answered {}: {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output() + &self.process.errors()
    }

    /// The end of it, for error messages.
    #[must_use]
    pub fn tail(&self) -> String {
        self.process.tail()
    }

    /// Waits until it counts at least so many rows as read from Kafka, those read again included.
    ///
    /// # Errors
    /// It ended, or did not read them in time.
    pub fn wait_read(&mut self, rows: u64) -> Result<()> {
        until(&format!("{} to read {rows} rows", self.process.name()), READ_LIMIT, || {
            self.process.expect_running()?;
            Ok(match self.rows_read() {
                Ok(read) if read >= rows => Look::Done(()),
                Ok(read) => Look::NotYet(format!("{read} rows")),
                // A process that has just begun does not answer yet.
                Err(error) => Look::NotYet(format!("{error:#}")),
            })
        })
    }

    /// How many rows it counts as read from Kafka, those read again included.
    ///
    /// # Errors
    /// It does not answer.
    pub fn rows_read(&self) -> Result<u64> {
        // Below 2^53, so it is exact.
        Ok(http::metric(&self.metrics()?, "k2i_worker_read_rows_total").unwrap_or(0.0) as u64)
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// It has ended.
    pub fn expect_running(&mut self) -> Result<()> {
        self.process.expect_running()
    }

    /// Highest resident memory so far, in MiB.
    ///
    /// # Errors
    /// The kernel's page about the process has an unknown form.
    pub fn peak_rss_mb(&mut self) -> Result<u64> {
        // No VmHWM, or no page at all: it has ended, and what was seen before stands.
        let page = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        if let Some(line) = page.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            let kib: u64 = line.trim().trim_end_matches(" kB").parse().with_context(|| format!("VmHWM is {line:?}"))?;
            self.peak_mb = self.peak_mb.max(kib / 1024);
        }
        Ok(self.peak_mb)
    }

    /// The processor time that it has used, user and system.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu_time(&self) -> Result<Duration> {
        let page = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).context("no page of the process")?;
        // The second field is the program's name in parentheses; times are the 14th and 15th, in ticks of 10 ms.
        let (_, fields) = page.rsplit_once(") ").context("a name in parentheses")?;
        let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(10 * ticks))
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// It still runs after `limit`, or has used more memory than promised.
    pub fn wait_end(&mut self, limit: Duration) -> Result<ExitStatus> {
        until(&format!("{} to end", self.process.name()), limit, || {
            // Before the look at its end: a process that has ended has no memory any more.
            self.check_memory()?;
            Ok(match self.process.ended()? {
                Some(status) => Look::Done(status),
                None => Look::NotYet("it runs".to_owned()),
            })
        })
        .with_context(|| format!("the end of its log:\n{}", self.process.tail()))
    }

    /// Ends it with SIGKILL, as a power cut would.
    ///
    /// # Errors
    /// It had ended before by itself, had used more memory than promised, or found an invariant broken.
    pub fn kill(mut self) -> Result<()> {
        self.process.expect_running()?;
        self.check_memory()?;
        self.check_invariants()?;
        self.process.kill()
    }

    /// Sends it SIGTERM, and waits for nothing: the first drains, the second stops at once.
    ///
    /// # Errors
    /// It has ended.
    pub fn terminate(&mut self) -> Result<()> {
        self.process.expect_running()?;
        self.process.signal(Signal::TERM)
    }

    /// Asks it to drain with SIGTERM and waits for its end, which must be exit code 0.
    ///
    /// # Errors
    /// It had ended before, does not end in time or with another code, had used more memory than promised, or found an
    /// invariant broken.
    pub fn drain(mut self) -> Result<Duration> {
        self.process.expect_running()?;
        self.check_invariants()?;
        let began = Instant::now();
        self.process.signal(Signal::TERM)?;
        let status = self.wait_end(DRAIN_LIMIT).context("k2i was asked to drain")?;
        match status.code() {
            Some(0) => Ok(began.elapsed()),
            _ => bail!("k2i ended a drain with {status}:\n{}", self.process.tail()),
        }
    }

    /// Fails if it counts invariants that it found broken. One that does not answer yet has not begun.
    fn check_invariants(&self) -> Result<()> {
        let Ok(page) = self.metrics() else { return Ok(()) };
        for name in ["k2i_coordinator_invariant_violations_total", "k2i_worker_invariant_violations_total"] {
            // Labelled: there is no series before the first violation.
            let broken = http::metric(&page, name).unwrap_or(0.0);
            ensure!(broken == 0.0, "{}: {name} is {broken}:\n{}", self.process.name(), self.process.tail());
        }
        Ok(())
    }

    fn check_memory(&mut self) -> Result<()> {
        let (peak, limit) = (self.peak_rss_mb()?, self.limit_mb);
        ensure!(peak <= limit, "{} used {peak} MiB, over the promised {limit}", self.process.name());
        Ok(())
    }
}
