//! What can go wrong with a local store, by what the caller may do next.

use std::path::{Path, PathBuf};

use rocksdb::ErrorKind;

/// An error of a [`Store`](super::Store).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process, or another part of this one, has the folder open. Nothing was changed: end the other one, or
    /// give this one a folder of its own.
    #[error("the folder {} is in use by another process: stop that one, or give each its own folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The content is incomplete or does not match its checksums. Opening again gives the same: set the folder aside,
    /// or restore it.
    #[error("the content of {} is damaged: {detail}", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The store could not be opened for another reason: permissions, a full disk, a format of another version.
    #[error("cannot open the store in {}: {detail}", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// A read failed, though not for damaged content. It may be tried again.
    #[error("cannot read from the store in {}: {detail}", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// A write or sync failed. Whether it reached the disk is unknown, and nothing more can be written: end the
    /// process and start from what the disk holds.
    #[error("the store in {} failed to write and must be opened anew: {detail}", path.display())]
    Fatal {
        /// The folder.
        path: PathBuf,
        /// The first failure.
        detail: String,
    },
}

impl StoreError {
    pub(super) fn opening(path: &Path, cause: &rocksdb::Error) -> Self {
        let path = path.to_owned();
        let detail = cause.as_ref().to_owned();
        match cause.kind() {
            ErrorKind::IOError if is_lock(&detail) => Self::InUse { path },
            ErrorKind::Corruption => Self::Damaged { path, detail },
            _ => Self::Open { path, detail },
        }
    }

    pub(super) fn read(path: &Path, cause: &rocksdb::Error) -> Self {
        let path = path.to_owned();
        let detail = cause.as_ref().to_owned();
        match cause.kind() {
            ErrorKind::Corruption => Self::Damaged { path, detail },
            _ => Self::Read { path, detail },
        }
    }
}

/// RocksDB has no error kind for a lock that is taken, only these two texts (`env/fs_posix.cc`, `LockFile`).
fn is_lock(detail: &str) -> bool {
    detail.contains("While lock file") || detail.contains("lock hold by current process")
}
