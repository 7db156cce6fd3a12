//! What the log store needs of a disk, so that tests can stand in for one that is slow, fails or loses power.

use std::ops::Bound;

use k2i_runtime::store::{Batch, Durability, Family, Order, Store, StoreError};

/// Log entries: index (8 bytes, big-endian) to entry.
pub(super) const LOG: Family = Family("raft_log");
/// Single values of the log store, by name.
pub(super) const META: Family = Family("raft_meta");

/// The families that a store for the log is opened with.
pub const FAMILIES: [Family; 2] = [LOG, META];

/// One entry of a [`Disk::scan`].
pub type Scanned = Result<(Box<[u8]>, Box<[u8]>), StoreError>;

/// Ordered keys that survive a power cut once they are synced.
///
/// After a crash a prefix of the writes is there, in the order in which they were made, and at least the synced ones.
/// After a failed write or sync every later one fails too.
pub trait Disk: Send + Sync + 'static {
    /// The value of `key`.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The entries between two keys, as they are at the time of the call.
    fn scan(&self, family: Family, from: Bound<&[u8]>, to: Bound<&[u8]>, order: Order)
    -> impl Iterator<Item = Scanned>;

    /// Makes the changes of `batch`, all or none. They can be read when this returns, and are not synced.
    fn write(&self, batch: Batch) -> Result<(), StoreError>;

    /// Syncs every write made before the call.
    fn sync(&self) -> Result<(), StoreError>;
}

impl Disk for Store {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Self::get(self, family, key)
    }

    fn scan(
        &self,
        family: Family,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
    ) -> impl Iterator<Item = Scanned> {
        self.range(family, from, to, order)
    }

    fn write(&self, batch: Batch) -> Result<(), StoreError> {
        Self::write(self, batch, Durability::Buffered)
    }

    fn sync(&self) -> Result<(), StoreError> {
        Self::sync(self)
    }
}
