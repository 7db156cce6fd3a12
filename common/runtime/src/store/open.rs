//! Opening: a torn last write is dropped, damage is refused.
//!
//! RocksDB has a recovery mode for each half of that, but none for both. *Absolute consistency* refuses any flaw in the
//! write-ahead log; *tolerate corrupted tail* accepts a record that the file's end cuts short, and nothing else; *point
//! in time* stops at the first flaw and drops the rest silently, whether a crash or a bad disk caused it, but never
//! leaves a hole. So the strict mode goes first. If it refuses, the second one only looks (read-only) to tell the
//! cause, and a tail that was merely cut short is then dropped by the third.

use std::fs;
use std::path::Path;

use rocksdb::{DB, DBRecoveryMode};

use super::{Family, StoreError, folder, options};

pub(super) fn open(path: &Path, families: &[Family]) -> Result<DB, StoreError> {
    folder::create(path).map_err(|cause| StoreError::Open { path: path.to_owned(), detail: cause.to_string() })?;
    refuse_headless(path)?;
    let refused = match open_with(path, families, DBRecoveryMode::AbsoluteConsistency) {
        Ok(db) => return Ok(db),
        Err(cause) => StoreError::opening(path, &cause),
    };
    if !matches!(refused, StoreError::Damaged { .. }) || !is_torn_tail(path, families) {
        return Err(refused);
    }
    tracing::warn!(path = %path.display(), "dropping a write that a crash cut short");
    open_with(path, families, DBRecoveryMode::PointInTime).map_err(|cause| StoreError::opening(path, &cause))
}

fn open_with(path: &Path, families: &[Family], recovery: DBRecoveryMode) -> Result<DB, rocksdb::Error> {
    DB::open_cf_descriptors(&options::store(recovery), path, options::families(families))
}

/// True if the write-ahead log's only flaw is a record that a file's end cuts short.
fn is_torn_tail(path: &Path, families: &[Family]) -> bool {
    let mut lenient = options::store(DBRecoveryMode::TolerateCorruptedTailRecords);
    // A look must not write, not even the notes.
    lenient.create_if_missing(false);
    lenient.create_missing_column_families(false);
    DB::open_cf_descriptors_read_only(&lenient, path, options::families(families), false).is_ok()
}

/// RocksDB takes a folder without the file `CURRENT` for an empty one and starts afresh in it, beside whatever is there.
/// A first start that crashed leaves such a folder too, but without logs and tables.
fn refuse_headless(path: &Path) -> Result<(), StoreError> {
    let cannot = |cause: std::io::Error| StoreError::Open { path: path.to_owned(), detail: cause.to_string() };
    if path.join("CURRENT").try_exists().map_err(cannot)? {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        let extension = Path::new(&name).extension();
        if extension.is_some_and(|extension| extension == "sst" || extension == "log") {
            let detail = format!("the file CURRENT is missing beside {}", name.to_string_lossy());
            return Err(StoreError::Damaged { path: path.to_owned(), detail });
        }
    }
    Ok(())
}
