//! Snapshots in a folder: one file, replaced as a whole.
//!
//! `snapshot-<index of its last entry>.k2i` is written under a temporary name, synced, renamed, and its folder synced;
//! only then do older ones go. So at any power cut the newest complete one is whole, and openraft purges the log before
//! it only after that. Names sort like indexes.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use k2i_runtime::store::folder;
use openraft::AsyncRuntime;

use super::{SnapshotImage, SnapshotStore, format};
use crate::raft::types::LogId;

/// Keeps the newest snapshot in a folder of its own. Reading and writing happen on threads of the runtime `R`.
pub struct FolderSnapshots<R> {
    folder: Arc<Folder>,
    runtime: PhantomData<fn() -> R>,
}

struct Folder {
    path: PathBuf,
    /// The last entry of the newest snapshot saved or loaded here. Whoever reads or changes files holds it.
    newest: Mutex<Option<LogId>>,
}

impl<R: AsyncRuntime> FolderSnapshots<R> {
    /// Uses this folder, which is created if it does not exist. What a crash left half written is removed.
    pub fn open(path: &Path) -> io::Result<Self> {
        folder::create(path)?;
        for file in files(path, "tmp")? {
            fs::remove_file(file)?;
        }
        let folder = Folder { path: path.to_owned(), newest: Mutex::new(None) };
        Ok(Self { folder: Arc::new(folder), runtime: PhantomData })
    }
}

impl<R: AsyncRuntime> SnapshotStore for FolderSnapshots<R> {
    async fn save(&self, image: SnapshotImage) -> io::Result<()> {
        let folder = Arc::clone(&self.folder);
        R::spawn_blocking(move || folder.save(&image)).await?
    }

    async fn load(&self) -> io::Result<Option<SnapshotImage>> {
        let folder = Arc::clone(&self.folder);
        R::spawn_blocking(move || folder.load()).await?
    }
}

impl Folder {
    fn save(&self, image: &SnapshotImage) -> io::Result<()> {
        let mut newest = self.lock();
        if *newest >= image.last() {
            return Ok(());
        }
        let index = image.last().map_or(0, |id| id.index);
        let path = self.path.join(format!("snapshot-{index:020}.k2i"));
        folder::write_file(&path, &format::encode(image)?)?;
        *newest = image.last();
        self.remove_all_but(&path)
    }

    fn load(&self) -> io::Result<Option<SnapshotImage>> {
        let mut newest = self.lock();
        let Some(path) = files(&self.path, "k2i")?.pop() else { return Ok(None) };
        let image = fs::read(&path)
            .and_then(format::decode)
            .map_err(|cause| io::Error::new(cause.kind(), format!("{}: {cause}", path.display())))?;
        *newest = image.last();
        self.remove_all_but(&path)?;
        Ok(Some(image))
    }

    fn remove_all_but(&self, current: &Path) -> io::Result<()> {
        for file in files(&self.path, "k2i")? {
            if file != current {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<LogId>> {
        // Guards a value that is set in one step, after the file that it speaks of.
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folder's files with this extension, in the order of their names.
fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new(extension)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
