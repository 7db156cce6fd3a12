//! Reading entries in key order.

use std::ops::Bound;
use std::path::Path;

use rocksdb::{ColumnFamily, DB, DBIterator, IteratorMode, ReadOptions};

use super::StoreError;

/// Which end of a range comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// Entries of a range, key and value. It ends after the first error.
pub struct Scan<'a> {
    entries: DBIterator<'a>,
    path: &'a Path,
    failed: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        db: &'a DB,
        family: &ColumnFamily,
        path: &'a Path,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        order: Order,
    ) -> Self {
        let mut options = ReadOptions::default();
        // RocksDB's lower bound is inclusive, its upper one exclusive.
        match from {
            Bound::Included(key) => options.set_iterate_lower_bound(key),
            Bound::Excluded(key) => options.set_iterate_lower_bound(successor(key)),
            Bound::Unbounded => {}
        }
        match to {
            Bound::Included(key) => options.set_iterate_upper_bound(successor(key)),
            Bound::Excluded(key) => options.set_iterate_upper_bound(key),
            Bound::Unbounded => {}
        }
        let mode = match order {
            Order::Ascending => IteratorMode::Start,
            Order::Descending => IteratorMode::End,
        };
        Self { entries: db.iterator_cf_opt(family, options, mode), path, failed: false }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<(Box<[u8]>, Box<[u8]>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let entry = self.entries.next()?;
        self.failed = entry.is_err();
        Some(entry.map_err(|cause| StoreError::read(self.path, &cause)))
    }
}

/// The smallest key that is larger than `key`.
fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}

/// The smallest key that is larger than every key with this prefix; `None` where there is none (empty, or all 0xFF).
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}
