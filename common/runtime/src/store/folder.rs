//! Folders and small files that survive a power cut.
//!
//! A file's fsync does not cover its name: that belongs to the folder, which has to be synced too. A failed sync is
//! never tried again (see the module above); the caller treats it as fatal.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Creates the folder and those above it that are missing, durably.
pub fn create(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create(parent)?;
    }
    match fs::create_dir(path) {
        // Somebody else was faster; that it is a folder was not known before.
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(cause) => return Err(at(path, &cause)),
        Ok(()) => {}
    }
    sync(parent.unwrap_or(Path::new(".")))
}

/// Makes the folder's list of names durable.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|cause| at(path, &cause))
}

/// Writes the whole file so that, whenever the power goes, its name leads to the old content or to the new one.
///
/// The content is first written as `<name>.tmp` beside it; one that a crash left behind is overwritten.
pub fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a file", path.display())));
    };
    let mut temporary = name.to_owned();
    temporary.push(".tmp");
    let temporary = folder.join(temporary);
    write_synced(&temporary, content).map_err(|cause| at(&temporary, &cause))?;
    fs::rename(&temporary, path).map_err(|cause| at(path, &cause))?;
    sync(folder)
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Says which path an error is about.
fn at(path: &Path, cause: &io::Error) -> io::Error {
    io::Error::new(cause.kind(), format!("{}: {cause}", path.display()))
}
