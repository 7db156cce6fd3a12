//! Reading a file that a person has named: no more than it may have, and nothing that keeps us waiting.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most that a configuration file may have, in bytes: a thousand tables need a tenth.
pub(super) const MOST_CONFIGURATION: u64 = 1 << 20;
/// The most that the file of a secret may have, in bytes.
pub(super) const MOST_SECRET: u64 = 64 << 10;

/// The text of a regular file. A pipe or a device may never end, or never begin.
///
/// # Errors
/// A sentence without the file's name.
pub(super) fn read_regular(path: &Path, most_bytes: u64) -> Result<String, String> {
    let found = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if found.is_dir() {
        return Err("cannot be read: it is a folder".to_owned());
    }
    if !found.is_file() {
        return Err("cannot be read: it is a pipe or a device; write the configuration to a file".to_owned());
    }
    read_bounded(path, most_bytes)
}

/// The text of whatever has this name, up to a length.
///
/// # Errors
/// A sentence without the file's name.
pub(super) fn read_bounded(path: &Path, most_bytes: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most_bytes + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > most_bytes {
        return Err(format!("has more than {most_bytes} bytes: is it the right file?"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("is not UTF-8: line {line}, byte {at} of the file")
    })
}
