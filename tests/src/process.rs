//! Child processes that cannot outlive the tests.
//!
//! Each runs in a process group of its own and is killed with it when its handle is dropped. Should the test process
//! itself be killed, the kernel ends the child (`PR_SET_PDEATHSIG`). That signal comes when the *thread* that spawned
//! the child ends, and a test's thread ends with its test; so one thread that lives as long as the process spawns all.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, set_parent_process_death_signal};

use crate::wait::{Look, until};

/// How many of the last lines of a log an error message repeats.
const TAIL_LINES: usize = 25;
/// The names by which servers of the tests are reached.
const NO_PROXY: &str = "127.0.0.1,localhost";
/// How long a killed process may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(30);

type Job = (Command, mpsc::SyncSender<io::Result<Child>>);

static SPAWNER: LazyLock<Mutex<mpsc::Sender<Job>>> = LazyLock::new(|| {
    let (jobs, inbox) = mpsc::channel::<Job>();
    thread::spawn(move || {
        for (mut command, reply) in inbox {
            let child = command.spawn();
            // Nobody waits any more only if the asking thread has died; the dropped handle then matters to no one.
            let _ = reply.send(child);
        }
    });
    Mutex::new(jobs)
});

/// A running child. Dropping it kills its whole process group.
pub struct Process {
    name: String,
    child: Child,
    ended: Option<ExitStatus>,
    out: PathBuf,
    err: PathBuf,
}

impl Process {
    /// Starts `command` with no input; its outputs go to `<logs>/<name>.out` and `<logs>/<name>.err`.
    ///
    /// # Errors
    /// The program could not be started.
    pub fn spawn(name: &str, logs: &Path, command: Command) -> Result<Self> {
        Self::start(name, logs, command, Stdio::null())
    }

    /// As [`Process::spawn`], with an input that [`Process::take_input`] hands out.
    ///
    /// # Errors
    /// The program could not be started.
    pub fn spawn_with_input(name: &str, logs: &Path, command: Command) -> Result<Self> {
        Self::start(name, logs, command, Stdio::piped())
    }

    fn start(name: &str, logs: &Path, mut command: Command, input: Stdio) -> Result<Self> {
        fs::create_dir_all(logs).with_context(|| format!("cannot make {}", logs.display()))?;
        let (out, err) = (logs.join(format!("{name}.out")), logs.join(format!("{name}.err")));
        command.stdin(input).stdout(File::create(&out)?).stderr(File::create(&err)?).process_group(0);
        // Nothing outside of this machine is reached, so a proxy has no business between any two of these.
        command.envs([("NO_PROXY", NO_PROXY), ("no_proxy", NO_PROXY)]);
        // SAFETY: the closure runs between fork and exec and makes one system call; it neither allocates nor locks.
        unsafe {
            command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
        }
        let program = command.get_program().to_owned();
        let (reply, answer) = mpsc::sync_channel(1);
        let jobs = SPAWNER.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        jobs.send((command, reply)).ok().context("the spawning thread is gone")?;
        let child = answer
            .recv()
            .context("the spawning thread is gone")?
            .with_context(|| format!("cannot start {name} ({})", program.display()))?;
        Ok(Self { name: name.to_owned(), child, ended: None, out, err })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its name, as given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pipe to its input; dropping that closes the input.
    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn output(&self) -> String {
        read_lossy(&self.out)
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn errors(&self) -> String {
        read_lossy(&self.err)
    }

    /// The last lines of both outputs, for error messages.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = self.output() + &self.errors();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// How it ended, once it has.
    ///
    /// # Errors
    /// The kernel could not be asked.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))?;
        }
        Ok(self.ended)
    }

    /// Fails, with the end of its log, if it has ended although it should be running.
    ///
    /// # Errors
    /// It has ended.
    pub fn expect_running(&mut self) -> Result<()> {
        match self.ended()? {
            Some(status) => bail!("{} ended by itself ({status}):\n{}", self.name, self.tail()),
            None => Ok(()),
        }
    }

    /// Sends a signal to the process alone. Nothing happens if it has ended.
    ///
    /// # Errors
    /// The kernel refused.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        // Not reaped yet, so the id is still this child's.
        kill_process(self.pid()?, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let name = self.name.clone();
        until(&format!("{name} to end"), limit, || {
            Ok(match self.ended()? {
                Some(status) => Look::Done(status),
                None => Look::NotYet("it runs".to_owned()),
            })
        })
        .with_context(|| format!("the end of its log:\n{}", self.tail()))
    }

    /// Kills its process group and waits until it is gone.
    ///
    /// # Errors
    /// It could not be killed.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        kill_process_group(self.pid()?, Signal::KILL).with_context(|| format!("cannot kill {}", self.name))?;
        self.wait(KILL_LIMIT).map(|_| ())
    }

    fn pid(&self) -> Result<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a child's id is a positive number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{} may still run: {error:#}", self.name);
        }
    }
}

/// Gives a child the same surroundings wherever the tests run: none of the caller's settings for K2I or for clients of
/// AWS. What a test sets itself comes after this.
pub fn undisturbed(command: &mut Command) {
    forget(command, "K2I__");
    forget(command, "AWS_");
    for name in ["RUST_LOG", k2i_runtime::failpoint::VARIABLE] {
        command.env_remove(name);
    }
}

/// Keeps the caller's variables that begin with `prefix` from a child: a test must not depend on them.
pub fn forget(command: &mut Command, prefix: &str) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with(prefix)) {
        command.env_remove(name);
    }
}

fn read_lossy(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
