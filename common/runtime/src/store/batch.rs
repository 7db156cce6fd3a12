//! Changes that are made together or not at all.

use rocksdb::{ColumnFamily, WriteBatch};

use super::Family;

/// One change of a [`Batch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Sets a key.
    Put {
        /// Where.
        family: Family,
        /// The key.
        key: Vec<u8>,
        /// Its new value.
        value: Vec<u8>,
    },
    /// Removes a key.
    Delete {
        /// Where.
        family: Family,
        /// The key.
        key: Vec<u8>,
    },
    /// Removes every key of `[from, to)`.
    DeleteRange {
        /// Where.
        family: Family,
        /// First key to go.
        from: Vec<u8>,
        /// First key to stay.
        to: Vec<u8>,
    },
}

/// Changes in the order in which they take effect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    changes: Vec<Change>,
}

impl Batch {
    /// No changes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` to `value`.
    pub fn put(&mut self, family: Family, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.push(Change::Put { family, key: key.into(), value: value.into() });
    }

    /// Removes `key`.
    pub fn delete(&mut self, family: Family, key: impl Into<Vec<u8>>) {
        self.changes.push(Change::Delete { family, key: key.into() });
    }

    /// Removes every key of `[from, to)`.
    pub fn delete_range(&mut self, family: Family, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) {
        self.changes.push(Change::DeleteRange { family, from: from.into(), to: to.into() });
    }

    /// The changes, in order.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// True if nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn into_rocksdb<'a>(self, handle: impl Fn(Family) -> &'a ColumnFamily) -> WriteBatch {
        let mut batch = WriteBatch::default();
        for change in self.changes {
            match change {
                Change::Put { family, key, value } => batch.put_cf(handle(family), key, value),
                Change::Delete { family, key } => batch.delete_cf(handle(family), key),
                Change::DeleteRange { family, from, to } => batch.delete_range_cf(handle(family), from, to),
            }
        }
        batch
    }
}
