//! A local store whose writes survive a power cut and never replace a file.
//!
//! A new file is written under a temporary name in its own folder, fsynced, hard-linked to its name (which fails when
//! the name is taken), and the folder is fsynced. New folders are fsynced into their parents. Everything else is left to
//! `object_store`'s local store, which does none of this.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

const STORE: &str = "durable local store";

/// See the module's documentation.
#[derive(Debug, Clone, Default)]
pub struct DurableLocal {
    inner: LocalFileSystem,
}

impl std::fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(STORE)
    }
}

impl DurableLocal {
    /// Copies `source` to the new file `target`; the copy is durable when this returns.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken; the file that is there is then durable.
    pub async fn copy_in(&self, source: PathBuf, target: PathBuf) -> Result<()> {
        blocking(move || {
            let fill = |file: &mut File| io::copy(&mut File::open(&source)?, file).map(drop);
            create(&target, fill).map_err(|error| convert(&target, error))
        })
        .await
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(&self, location: &ObjectPath, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let target = self.inner.path_to_filesystem(location)?;
        let overwrite = match options.mode {
            PutMode::Create => false,
            PutMode::Overwrite => true,
            PutMode::Update(_) => return Err(not_implemented("conditional update")),
        };
        blocking(move || {
            let fill = |file: &mut File| payload.iter().try_for_each(|chunk| file.write_all(chunk));
            let written = if overwrite { replace(&target, fill) } else { create(&target, fill) };
            written.map_err(|error| convert(&target, error))
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        _location: &ObjectPath,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        // The inner store's uploads are not durable and replace what is there.
        Err(not_implemented("multipart upload"))
    }

    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<ObjectPath>>,
    ) -> BoxStream<'static, Result<ObjectPath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Makes `target` with what `fill` writes, or fails with `AlreadyExists`.
fn create(target: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = parent(target)?;
    let temporary = Temporary::write(folder, fill)?;
    match std::fs::hard_link(&temporary.0, target) {
        Ok(()) => sync_folder(folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Maybe ours, from an attempt that ended before its last fsync.
            File::open(target)?.sync_all()?;
            sync_folder(folder)?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// Makes or replaces `target`. Only for users of the plain `ObjectStore` interface; K2I itself never replaces a file.
fn replace(target: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = parent(target)?;
    let temporary = Temporary::write(folder, fill)?;
    std::fs::rename(&temporary.0, target)?;
    sync_folder(folder)
}

/// A fsynced file under a name of its own, removed when dropped (or renamed away).
struct Temporary(PathBuf);

impl Temporary {
    fn write(folder: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<Self> {
        create_folder(folder)?;
        let path = folder.join(format!(".k2i-{}.tmp", uuid::Uuid::new_v4()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let temporary = Self(path);
        fill(&mut file)?;
        file.sync_all()?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A left-over costs disk space and nothing else.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = parent(folder)?;
    create_folder(above)?;
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // Also when somebody else made it just now: their fsync may still be to come.
        _ => sync_folder(above),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the root folder is not a file"))
}

fn convert(path: &Path, error: io::Error) -> Error {
    let path = path.display().to_string();
    let source = Box::new(error);
    match source.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source },
        io::ErrorKind::NotFound => Error::NotFound { path, source },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source },
        _ => Error::Generic { store: STORE, source },
    }
}

fn not_implemented(operation: &str) -> Error {
    Error::NotImplemented { operation: operation.to_owned(), implementer: STORE.to_owned() }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}
