//! Room on disks.
//!
//! Whoever writes much (files on their way, uploads to a folder) leaves [`RESERVE_BYTES`] free, so that those who write
//! little (the coordinator's log, the transaction log, a SQLite catalog) can go on when the disk is nearly full: they end
//! the process, or lose what they did, where a write fails.

use std::io;
use std::path::Path;

/// What is left free on a disk, in bytes.
pub const RESERVE_BYTES: u64 = 64 << 20;

/// Why nothing is written to a disk now.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// There is too little room.
    #[error(
        "the disk of {place} has {} MiB free, too little for {} MiB more and the {} MiB that are left free: make space there",
        free_bytes >> 20, wanted_bytes.div_ceil(1 << 20), RESERVE_BYTES >> 20
    )]
    Full {
        /// The folder.
        place: String,
        /// What is free.
        free_bytes: u64,
        /// What was to be written.
        wanted_bytes: u64,
    },
    /// The system does not say.
    #[error("the disk of {place} does not tell how much is free")]
    Unknown {
        /// The folder.
        place: String,
        /// What it said.
        source: io::Error,
    },
}

/// Bytes that this user may still write to the disk of a folder. Where the folder is not there yet, the nearest one above
/// it counts.
///
/// # Errors
/// The system does not say.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let there = folder.ancestors().find(|path| path.exists()).unwrap_or_else(|| Path::new("/"));
    let disk = rustix::fs::statvfs(there)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Succeeds when so many bytes can be written to the disk of a folder without touching the reserve.
///
/// # Errors
/// [`DiskError`].
pub fn room_for(folder: &Path, wanted_bytes: u64) -> Result<(), DiskError> {
    let place = folder.display().to_string();
    match free_bytes(folder) {
        Ok(free_bytes) if free_bytes >= wanted_bytes.saturating_add(RESERVE_BYTES) => Ok(()),
        Ok(free_bytes) => Err(DiskError::Full { place, free_bytes, wanted_bytes }),
        Err(source) => Err(DiskError::Unknown { place, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_told_with_the_folder_and_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("not/there");
        assert!(free_bytes(&below).unwrap() > 0);
        room_for(&below, 1).unwrap();
        let error = room_for(&below, 1 << 60).unwrap_err().to_string();
        assert!(error.contains(&below.display().to_string()) && error.contains("64 MiB that are left free"), "{error}");
        room_for(&below, u64::MAX).unwrap_err();
    }
}
