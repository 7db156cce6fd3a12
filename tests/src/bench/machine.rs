//! The machine as the kernel describes it, and the CPU time that was spent on it. Linux alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::io::Errno;
use serde_json::{Value, json};

use crate::cache::workspace;

/// What user space counts ticks in: 100 a second on every architecture that K2I is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time of this process by thread, in nanoseconds. Threads that end before [`OwnCpu::spent`] are not counted: what
/// is measured has to live until then.
pub struct OwnCpu(BTreeMap<String, u64>);

impl OwnCpu {
    /// Begins to measure.
    ///
    /// # Errors
    /// The kernel does not account for threads (`/proc/self/task/*/schedstat`).
    pub fn begin() -> Result<Self> {
        by_thread().map(Self)
    }

    /// CPU-seconds since then, of user and system together.
    ///
    /// # Errors
    /// As [`OwnCpu::begin`].
    pub fn spent(&self) -> Result<f64> {
        let before = |thread: &String| self.0.get(thread).copied().unwrap_or(0);
        let spent: u64 = by_thread()?.iter().map(|(thread, now)| now.saturating_sub(before(thread))).sum();
        Ok(spent as f64 / 1e9)
    }
}

fn by_thread() -> Result<BTreeMap<String, u64>> {
    Ok(threads("self")?.into_iter().map(|thread| (thread.id, thread.used)).collect())
}

struct Thread {
    id: String,
    name: String,
    /// CPU in nanoseconds.
    used: u64,
}

/// The living threads of a process.
fn threads(process: &str) -> Result<Vec<Thread>> {
    let mut found = Vec::new();
    let list = format!("/proc/{process}/task");
    for entry in fs::read_dir(&list).with_context(|| format!("cannot list {list}"))? {
        let entry = entry?;
        let read = |file: &str| fs::read_to_string(entry.path().join(file));
        let (name, used) = match (read("comm"), read("schedstat")) {
            (Ok(name), Ok(used)) => (name, used),
            // It has ended meanwhile.
            (Err(error), _) | (_, Err(error)) if has_ended(&error) => continue,
            (Err(error), _) | (_, Err(error)) => {
                return Err(error).context("the kernel does not say what a thread has used");
            }
        };
        let used = used.split(' ').next().and_then(|used| used.parse().ok());
        let used = used.context("schedstat does not begin with a number")?;
        let id = entry.file_name().to_string_lossy().into_owned();
        found.push(Thread { id, name: name.trim().to_owned(), used });
    }
    ensure!(!found.is_empty(), "the kernel does not say what threads have used ({list}/*/schedstat)");
    Ok(found)
}

fn has_ended(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

/// CPU-seconds of a process's living threads, by their names without numbers at the end.
///
/// # Errors
/// There is no such process.
pub fn cpu_by_thread(process: u32) -> Result<BTreeMap<String, f64>> {
    let mut found = BTreeMap::new();
    for thread in threads(&process.to_string())? {
        let name = thread.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        *found.entry(name.to_owned()).or_insert(0.0) += thread.used as f64 / 1e9;
    }
    Ok(found)
}

/// CPU-seconds of a process since its start, user and system, with its children that have ended and were waited for.
/// Exact to 0.04 s.
///
/// # Errors
/// There is no such process.
pub fn cpu_of(process: u32) -> Result<f64> {
    let path = format!("/proc/{process}/stat");
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    ticks(&page).map(|ticks| ticks as f64 / TICKS_PER_SECOND).with_context(|| format!("{path} is {page:?}"))
}

/// `utime`, `stime`, `cutime` and `cstime` (proc_pid_stat(5)). The name before them, in brackets, may hold anything.
pub(super) fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let times: Vec<u64> = fields.split_whitespace().skip(11).take(4).map_while(|field| field.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

/// Processor, cores, memory and kernel.
#[must_use]
pub fn description() -> Value {
    let line = |path: &str, name: &str| {
        let page = fs::read_to_string(path).unwrap_or_default();
        let found = page.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
        found.map(|(_, value)| value.trim().to_owned())
    };
    let memory = line("/proc/meminfo", "MemTotal").and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok());
    json!({
        "cpu": line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gb": memory.map(|kib| (kib / 1024.0 / 1024.0 * 10.0).round() / 10.0),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
    })
}

/// The load average of the last minute: what else the machine had to do.
#[must_use]
pub fn load() -> f64 {
    let page = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    page.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// The commit that is measured; with `-changed` where the files are not those of the commit.
#[must_use]
pub fn commit() -> String {
    let git = |args: &[&str]| {
        let run = Command::new("git").arg("-C").arg(workspace()).args(args).output().ok()?;
        run.status.success().then(|| String::from_utf8_lossy(&run.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain"]).is_none_or(|changes| !changes.is_empty());
    if changed { format!("{commit}-changed") } else { commit }
}
