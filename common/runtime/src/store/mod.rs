//! Local durable state: ordered keys in column families, on RocksDB. No other module names RocksDB.
//!
//! The coordinator keeps its Raft log here, the worker its transaction log. Both decide what may be lost at a power
//! cut, so every write says so itself ([`Durability`]), and both must tell three failed starts apart, so opening has an
//! error for each: the folder is in use, its content is damaged, anything else ([`StoreError`]).
//!
//! Invariants:
//! - The write-ahead log is never switched off, so after a crash the store holds a *prefix* of its writes: everything
//!   up to the last sync, then possibly some of the later writes, never a later one without an earlier one.
//! - A store whose content was damaged is refused, never opened with the damaged part missing. Only a write that the
//!   crash itself cut short is dropped (it was not yet synced).
//! - After a failed write or sync nothing more is written: whether an fsync that failed reached the disk cannot be
//!   known, and asking again may lie. The caller closes the store and opens it anew, by ending its process where others
//!   have acted on what was written.
//! - Memory is small and fixed: about 8 MiB of write buffers and 2 MiB of cache, at most 32 MiB of write-ahead log.
//!
//! All calls block for the time of a disk access; [`Store::sync`] and [`Durability::Synced`] for that of an fsync.

mod batch;
mod error;
pub mod folder;
mod open;
mod options;
mod scan;
#[cfg(test)]
mod tests;

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rocksdb::{ColumnFamily, DB, WriteOptions};

pub use batch::{Batch, Change};
pub use error::StoreError;
pub use scan::{Order, Scan};

/// A column family: one ordered map from keys to values. Declared when a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Family(pub &'static str);

/// What a write promises when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power cut, and so does every write before it.
    Synced,
    /// It survives the end of the process; a power cut only once a later sync or synced write has returned.
    Buffered,
}

/// An open store. It holds the folder's lock until it is dropped.
#[derive(Debug)]
pub struct Store {
    db: DB,
    path: PathBuf,
    /// Set by the first failed write or sync.
    broken: OnceLock<String>,
}

impl Store {
    /// Opens the store in the folder `path`, which is created if it does not exist, with exactly these families.
    ///
    /// Fails with [`StoreError::InUse`] while another opener holds the folder, [`StoreError::Damaged`] if something is
    /// missing from it or does not match its checksum, and [`StoreError::Open`] for any other reason.
    pub fn open(path: &Path, families: &[Family]) -> Result<Self, StoreError> {
        let db = open::open(path, families)?;
        Ok(Self { db, path: path.to_owned(), broken: OnceLock::new() })
    }

    /// The store's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True once a write or sync has failed: this value is of no more use, opening the folder anew may be.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.get().is_some()
    }

    /// The value of `key`.
    pub fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.get_cf(self.family(family), key).map_err(|cause| StoreError::read(&self.path, &cause))
    }

    /// Sets `key` to `value`.
    pub fn put(&self, family: Family, key: &[u8], value: &[u8], durability: Durability) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(family, key, value);
        self.write(batch, durability)
    }

    /// Removes `key`; nothing happens if it is not there.
    pub fn delete(&self, family: Family, key: &[u8], durability: Durability) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.delete(family, key);
        self.write(batch, durability)
    }

    /// Makes all changes of `batch`, or none of them. Readers see them when this returns, whatever the durability.
    pub fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.refuse_if_broken()?;
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        let batch = batch.into_rocksdb(|family| self.family(family));
        self.db.write_opt(batch, &options).map_err(|cause| self.break_with(&cause))
    }

    /// Returns when every write made before the call survives a power cut.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.refuse_if_broken()?;
        self.db.flush_wal(true).map_err(|cause| self.break_with(&cause))
    }

    /// The entries between two keys in the given order, as they are now: later writes do not show in it.
    pub fn range(&self, family: Family, from: Bound<&[u8]>, to: Bound<&[u8]>, order: Order) -> Scan<'_> {
        Scan::new(&self.db, self.family(family), &self.path, from, to, order)
    }

    /// The entries whose keys begin with `prefix`, ascending, as they are now.
    pub fn prefix(&self, family: Family, prefix: &[u8]) -> Scan<'_> {
        let end = scan::after_prefix(prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.range(family, Bound::Included(prefix), to, Order::Ascending)
    }

    fn family(&self, family: Family) -> &ColumnFamily {
        // Families are constants of the code that opened the store; another one is a mistake in that code.
        self.db.cf_handle(family.0).expect("a family that was not declared when the store was opened")
    }

    fn refuse_if_broken(&self) -> Result<(), StoreError> {
        match self.broken.get() {
            Some(detail) => Err(StoreError::Fatal { path: self.path.clone(), detail: detail.clone() }),
            None => Ok(()),
        }
    }

    fn break_with(&self, cause: &rocksdb::Error) -> StoreError {
        let detail = cause.as_ref().to_owned();
        // Several threads may fail at once: the first reason stays.
        let first = self.broken.get_or_init(|| detail);
        StoreError::Fatal { path: self.path.clone(), detail: first.clone() }
    }
}
