//! Where snapshots of the state are kept.
//!
//! A node has at most one: the newest. Building and installing may overlap, so the store itself keeps the newer of two.

mod folder;
pub(super) mod format;
mod memory;

use std::future::Future;
use std::io;

use bytes::Bytes;

pub use folder::FolderSnapshots;
pub use memory::MemorySnapshots;

use super::types::{LogId, Snapshot, SnapshotMeta};

/// A state as it was right after one entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotImage {
    pub(super) meta: SnapshotMeta,
    /// [`Application::snapshot`](super::Application::snapshot).
    pub(super) state: Bytes,
}

impl SnapshotImage {
    pub(super) fn last(&self) -> Option<LogId> {
        self.meta.last_log_id
    }

    pub(super) fn into_openraft(self) -> Snapshot {
        Snapshot { meta: self.meta, snapshot: self.state }
    }
}

/// Keeps the newest snapshot.
pub trait SnapshotStore: Send + Sync + 'static {
    /// Keeps `image` and drops what it replaces, unless one that covers as much is kept already. It survives a power
    /// cut when this returns.
    fn save(&self, image: SnapshotImage) -> impl Future<Output = io::Result<()>> + Send;

    /// The newest snapshot. Damage is an error of the kind `InvalidData`, never a missing or an older snapshot: the log
    /// that would lead from there to here is gone.
    fn load(&self) -> impl Future<Output = io::Result<Option<SnapshotImage>>> + Send;
}
