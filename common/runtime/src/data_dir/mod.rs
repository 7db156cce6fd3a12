//! The data folder: one process at a time, one layout.
//!
//! The lock is an exclusive `flock`, so it ends with the process however that ends; the process id in the lock file is
//! only for the message. The layout file is written once and read at each start: a folder of another layout is refused
//! untouched.

#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Layout that this version reads and writes.
const LAYOUT_VERSION: u32 = 1;
const LAYOUT_FILE: &str = "layout";
const LAYOUT_PREFIX: &str = "k2i data folder, layout ";
const LOCK_FILE: &str = "lock";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process uses it.
    #[error("data folder {} is in use by {}; stop that process or set data_dir", .path.display(), holder(.pid))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process that holds it, where its lock file says so.
        pid: Option<u32>,
    },
    /// It was made by a version with another layout.
    #[error("data folder {} has layout {found}, this version knows layout {LAYOUT_VERSION}; use the version that made it, or another data_dir", .path.display())]
    Layout {
        /// The folder.
        path: PathBuf,
        /// The layout that it has.
        found: u32,
    },
    /// Its layout file makes no sense, so it is somebody else's folder or damaged.
    #[error("{} is not a layout file of K2I; set another data_dir", .path.display())]
    NotOurs {
        /// The layout file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot {action} {}; check data_dir and its permissions", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// What a look at a data folder found, without changing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is not there yet.
    Missing,
    /// No process uses it.
    Free,
    /// A process uses it; its id, where the lock file says so.
    InUse(Option<u32>),
}

/// The data folder, locked for as long as this value lives.
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    lock: File,
}

impl DataDir {
    /// Makes the folder if it is missing, locks it and checks its layout.
    ///
    /// # Errors
    /// See [`DataDirError`].
    pub fn open(root: &Path) -> Result<Self, DataDirError> {
        create(root)?;
        let lock = lock(root)?;
        check_layout(root)?;
        let dir = Self { root: root.to_owned(), lock };
        for path in [dir.coordinator(), dir.worker(), dir.spool()] {
            create(&path)?;
        }
        sync_folder(root)?;
        Ok(dir)
    }

    /// Looks at a data folder. A free one is held for an instant, in which a process that starts would find it in use.
    ///
    /// # Errors
    /// [`DataDirError::Layout`] or [`DataDirError::NotOurs`] where this version cannot use it, [`DataDirError::Io`] where
    /// it cannot be looked at.
    pub fn look(root: &Path) -> Result<Standing, DataDirError> {
        match fs::metadata(root) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(io_error("use", root)(io::ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Missing),
            Err(error) => return Err(io_error("look at", root)(error)),
        }
        read_layout(root)?;
        let path = root.join(LOCK_FILE);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Standing::Free),
            Err(error) => return Err(io_error("open", &path)(error)),
        };
        // Shared, so that two that look do not see each other.
        match file.try_lock_shared() {
            Ok(()) => Ok(Standing::Free),
            Err(TryLockError::WouldBlock) => Ok(Standing::InUse(holder_of(&mut file))),
            Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The coordinator's log and state.
    #[must_use]
    pub fn coordinator(&self) -> PathBuf {
        self.root.join("coordinator")
    }

    /// The worker's transaction log.
    #[must_use]
    pub fn worker(&self) -> PathBuf {
        self.root.join("worker")
    }

    /// Data files that are being written, and sealed ones until they are committed.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child process that is just being started and still shares the file.
        // If unlocking fails, closing does the rest.
        let _ = self.lock.unlock();
    }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { action, path, source }
}

fn create(path: &Path) -> Result<(), DataDirError> {
    fs::create_dir_all(path).map_err(io_error("create", path))
}

fn sync_folder(path: &Path) -> Result<(), DataDirError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(io_error("sync", path))
}

fn lock(root: &Path) -> Result<File, DataDirError> {
    let path = root.join(LOCK_FILE);
    // Not truncated on opening: until the lock is ours, the process id in it is somebody else's.
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(DataDirError::InUse { path: root.to_owned(), pid: holder_of(&mut file) });
        }
        Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| writeln!(file, "{}", std::process::id()));
    written.map_err(io_error("write", &path))?;
    Ok(file)
}

/// The process whose id stands in the lock file.
fn holder_of(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok())
}

fn check_layout(root: &Path) -> Result<(), DataDirError> {
    if read_layout(root)? { Ok(()) } else { write_layout(root, &root.join(LAYOUT_FILE)) }
}

/// Whether the folder has a layout, which then is ours.
fn read_layout(root: &Path) -> Result<bool, DataDirError> {
    let path = root.join(LAYOUT_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let version = text.trim_end().strip_prefix(LAYOUT_PREFIX).and_then(|version| version.parse().ok());
            match version {
                Some(LAYOUT_VERSION) => Ok(true),
                Some(found) => Err(DataDirError::Layout { path: root.to_owned(), found }),
                None => Err(DataDirError::NotOurs { path }),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(DataDirError::NotOurs { path }),
        Err(error) => Err(io_error("read", &path)(error)),
    }
}

/// Whole or not at all: a crash leaves no half-written layout.
fn write_layout(root: &Path, path: &Path) -> Result<(), DataDirError> {
    let temporary = root.join("layout.new");
    File::create(&temporary)
        .and_then(|mut file| {
            writeln!(file, "{LAYOUT_PREFIX}{LAYOUT_VERSION}")?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(io_error("write", path))
}
