//! Where the tests keep what they make: `K2I_CACHE`, one run folder for each test process, reports of failed tests.
//!
//! A run folder is held by a lock while its process lives. Whatever a killed process left behind is removed by the next
//! one, which recognises it by a lock that can be taken; process ids are never trusted for this.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// How many reports of failed tests are kept.
const REPORTS_KEPT: usize = 20;

/// The root of the workspace that these tests were compiled from.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate's folder lies in the workspace")
}

/// `K2I_CACHE`, or `k2i` in the user's cache folder.
///
/// # Errors
/// Neither `K2I_CACHE`, `XDG_CACHE_HOME` nor `HOME` is set.
pub fn root() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("K2I_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("k2i")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/k2i")))
        .context("none of K2I_CACHE, XDG_CACHE_HOME and HOME is set")
}

/// This process's own folder, made at the first call and kept until the next test process sweeps it.
///
/// # Errors
/// The folder could not be made.
pub fn run_dir() -> Result<&'static Path> {
    static RUN: OnceLock<std::result::Result<(PathBuf, File), String>> = OnceLock::new();
    match RUN.get_or_init(|| begin_run().map_err(|error| format!("{error:#}"))) {
        Ok((folder, _lock)) => Ok(folder),
        Err(error) => anyhow::bail!("no folder for this run: {error}"),
    }
}

fn begin_run() -> Result<(PathBuf, File)> {
    let runs = root()?.join("run");
    fs::create_dir_all(&runs).with_context(|| format!("cannot make {}", runs.display()))?;
    // One process at a time sweeps and begins, so that a run is never seen before it is locked.
    let gate = File::create(runs.join("gate"))?;
    gate.lock()?;
    sweep(&runs)?;
    let name = format!("{}-{}", std::process::id(), now_millis());
    let lock = File::create(runs.join(format!("{name}.lock")))?;
    lock.lock()?;
    let folder = runs.join(name);
    fs::create_dir(&folder)?;
    Ok((folder, lock))
}

fn sweep(runs: &Path) -> Result<()> {
    for entry in fs::read_dir(runs)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        match File::open(&path)?.try_lock() {
            Ok(()) => {
                let folder = path.with_extension("");
                if folder.exists() {
                    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
                }
                fs::remove_file(&path)?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Moves a failed test's folder among the reports, forgets the oldest ones, and says where it is now.
///
/// # Errors
/// The folder could not be moved.
pub fn keep_report(name: &str, folder: &Path) -> Result<PathBuf> {
    let reports = root()?.join("reports");
    fs::create_dir_all(&reports)?;
    let kept = reports.join(format!("{}-{name}", now_millis()));
    fs::rename(folder, &kept).with_context(|| format!("cannot move {} to {}", folder.display(), kept.display()))?;
    let mut all: Vec<PathBuf> = fs::read_dir(&reports)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    all.sort();
    for old in all.iter().rev().skip(REPORTS_KEPT) {
        fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    Ok(kept)
}

fn now_millis() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}
