//! Snapshots that last as long as their process: for tests and simulations.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::{SnapshotImage, SnapshotStore};

/// Keeps the newest snapshot in memory. Clones share it, as a restarted process shares its folder.
#[derive(Debug, Clone, Default)]
pub struct MemorySnapshots {
    newest: Arc<Mutex<Option<SnapshotImage>>>,
}

impl SnapshotStore for MemorySnapshots {
    async fn save(&self, image: SnapshotImage) -> io::Result<()> {
        // The lock guards one assignment, which a panic elsewhere cannot leave half done.
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|kept| kept.last() < image.last()) {
            *newest = Some(image);
        }
        Ok(())
    }

    async fn load(&self) -> io::Result<Option<SnapshotImage>> {
        Ok(self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
