//! Where a run of the demo lives: a fresh folder, locked while the run lasts, and the oldest ones gone.
//!
//! Every run needs a folder of its own, since the broker's cluster id is new each time. The last few are kept so that
//! somebody can look at the table afterwards; a folder that another run still uses is never removed.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// How many folders are kept, the new one among them.
const KEPT: usize = 3;
const LOCK: &str = "demo.lock";

/// A run's folder, locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes a folder under `demos`, called `name`, after removing old ones.
    ///
    /// # Errors
    /// The file system refuses, or the name is taken.
    pub(super) fn fresh(demos: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(demos).with_context(|| format!("cannot make {}", demos.display()))?;
        sweep(demos)?;
        let root = demos.join(name);
        fs::create_dir(&root).with_context(|| format!("cannot make {}", root.display()))?;
        Self::lock(root)
    }

    /// Takes a folder that somebody named. It is never removed.
    ///
    /// # Errors
    /// It is not empty, or the file system refuses.
    pub(super) fn named(path: &Path) -> Result<Self> {
        let root = std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))?;
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        let mut entries = fs::read_dir(&root).with_context(|| format!("cannot read {}", root.display()))?;
        ensure!(entries.next().is_none(), "{} is not empty; name a folder that is, or none", root.display());
        Self::lock(root)
    }

    fn lock(root: PathBuf) -> Result<Self> {
        // Locations in Iceberg metadata are text.
        ensure!(root.to_str().is_some(), "{} is not UTF-8; use --data-dir", root.display());
        let lock = File::create(root.join(LOCK)).with_context(|| format!("cannot write in {}", root.display()))?;
        lock.lock().with_context(|| format!("cannot lock {}", root.display()))?;
        Ok(Self { root, _lock: lock })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

/// Leaves room for one more folder. Names begin with the time, so the oldest come first.
fn sweep(demos: &Path) -> Result<()> {
    let listed = fs::read_dir(demos).with_context(|| format!("cannot read {}", demos.display()))?;
    let mut folders = listed.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    let old = folders.len().saturating_sub(KEPT - 1);
    for folder in &folders[..old] {
        let lock = match File::open(folder.join(LOCK)) {
            Ok(lock) => lock,
            // Not a run's folder.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot look into {}", folder.display())),
        };
        match lock.try_lock() {
            Ok(()) => {
                fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock an old folder"),
        }
    }
    Ok(())
}

/// The folder of all runs: `demo` in `K2I_CACHE`, or in `k2i` of the user's cache folder.
///
/// # Errors
/// None of the variables is set.
pub(super) fn demos(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("K2I_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("k2i")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/k2i")));
    match cache {
        Some(cache) => Ok(std::path::absolute(cache.join("demo"))?),
        None => bail!("none of K2I_CACHE, XDG_CACHE_HOME and HOME is set; use --data-dir"),
    }
}
