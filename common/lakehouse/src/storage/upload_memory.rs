//! The memory that uploads hold together, as a part of the process's budget.
//!
//! A store takes an object's bytes from memory. So before a file is read for sending its bytes are taken from here, and
//! given back when they were sent: uploads wait for each other, and a slow store costs time and no memory. A file never
//! waits for more than there is, so none waits for ever.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is counted: finer would overflow a semaphore, coarser would waste.
const UNIT: u64 = 1 << 10;
/// The least that any process gives uploads, in bytes.
const LEAST: u64 = 8 << 20;
/// What it is where nothing is said.
const DEFAULT: u64 = 64 << 20;

/// Cheap to clone; clones share one budget.
#[derive(Debug, Clone)]
pub struct UploadMemory {
    units: Arc<Semaphore>,
    capacity: u32,
}

impl Default for UploadMemory {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

impl UploadMemory {
    /// So many bytes, and never less than 8 MiB.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        // Half of what fits, so that no sum of permits can overflow on any platform.
        let capacity = u32::try_from(bytes.max(LEAST) / UNIT).unwrap_or(u32::MAX / 2).min(u32::MAX / 2);
        Self { units: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// All of it, in bytes.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        u64::from(self.capacity) * UNIT
    }

    /// What one upload may hold: half, so that a store that hangs does not keep everything from the others.
    pub(super) fn share(&self) -> u64 {
        (self.capacity() / 2).max(LEAST)
    }

    /// What is held now, in bytes.
    #[must_use]
    pub fn held(&self) -> u64 {
        (u64::from(self.capacity) - self.units.available_permits() as u64) * UNIT
    }

    /// Waits until `bytes` are free, or all of it where that is less. They are given back when the answer is dropped.
    pub(super) async fn hold(&self, bytes: u64) -> Held {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.capacity);
        // The semaphore is never closed; without a permit the upload would only be uncounted.
        Held { _permit: Arc::clone(&self.units).acquire_many_owned(units).await.ok() }
    }
}

/// Bytes that an upload holds.
pub(super) struct Held {
    _permit: Option<OwnedSemaphorePermit>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_more_than_there_is_takes_all_of_it() {
        let memory = UploadMemory::new(16 << 20);
        let first = memory.hold(1 << 40).await;
        assert_eq!(memory.held(), memory.capacity());
        let waiting = tokio::time::timeout(Duration::from_millis(50), memory.hold(1)).await;
        assert!(waiting.is_err(), "nothing is left");
        drop(first);
        drop(memory.hold(1).await);
        assert_eq!(memory.held(), 0);
    }

    #[test]
    fn there_is_always_enough_for_a_part() {
        assert_eq!(UploadMemory::new(0).capacity(), LEAST);
        assert_eq!(UploadMemory::new(u64::MAX).capacity(), u64::from(u32::MAX / 2) * UNIT);
    }
}
