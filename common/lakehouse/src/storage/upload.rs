//! Uploads of sealed local files.
//!
//! Up to [`SINGLE_PUT_BYTES`], or an upload's share of the memory if that is less, a file goes in one request that creates
//! its object or fails. A larger one goes in parts: the upload's id is handed to the caller before the first part is sent,
//! so that an upload cut off by a crash can be found and ended. When the name is already taken, an object of the same size
//! is the outcome of an earlier attempt of ours: names carry a random session and are never given twice.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectStore};

use super::store::{Backend, create_only};
use super::{StorageError, Store};

/// The largest file that is sent in one request, in bytes. It is held in memory while it is sent.
pub const SINGLE_PUT_BYTES: u64 = 64 << 20;
/// Parts of a multipart upload are equal (Cloudflare R2 wants that), at most 10,000, and but for the last one at least
/// 5 MiB (S3 wants that).
const PART_BYTES: u64 = 16 << 20;
const MAX_PARTS: u64 = 10_000;
const PARALLEL_PARTS: u64 = 4;

/// What a caller's callback may fail with.
pub type CallbackError = Box<dyn std::error::Error + Send + Sync>;

/// An uploaded object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploaded {
    /// Its size.
    pub bytes: u64,
}

impl Store {
    /// Uploads a file that nobody writes to any more. Repeating it after an error, also one whose outcome is unknown,
    /// is safe.
    ///
    /// `on_multipart` is given the upload's id before any part is sent, and only for files that go in parts in stores
    /// that have multipart uploads.
    ///
    /// Memory: the file's size up to 64 MiB, at most 64 MiB beyond; and never more than [`UploadMemory`] has left, which
    /// is waited for. (Over 160 GB parts are larger; then one is sent at a time.)
    ///
    /// # Errors
    /// [`StorageError::Exists`] when an object of another size has the name.
    pub async fn upload<F, Fut>(&self, source: &Path, location: &str, on_multipart: F) -> Result<Uploaded, StorageError>
    where
        F: FnOnce(String) -> Fut + Send,
        Fut: Future<Output = Result<(), CallbackError>> + Send,
    {
        let bytes = file_size(source).await?;
        let (backend, parsed) = self.backend(location)?;
        let memory = self.upload_memory();
        let sent = match (&backend, backend.multipart()) {
            (Backend::Local(local), _) => local.copy_in(source.to_owned(), parsed.file()).await,
            (_, Some(store)) if bytes > SINGLE_PUT_BYTES.min(memory.share()) => {
                let part = PART_BYTES.min(memory.share()).max(bytes.div_ceil(MAX_PARTS));
                let parallel = (memory.share() / part).clamp(1, PARALLEL_PARTS);
                let _held = memory.hold(part * parallel).await;
                let upload = Multipart { store, path: parsed.path, location, source, bytes, part, parallel };
                return upload.run(self, on_multipart).await;
            }
            _ => {
                let _held = memory.hold(bytes).await;
                single_put(&backend.objects(), &parsed.path, source, bytes).await?
            }
        };
        match sent {
            Ok(()) => Ok(Uploaded { bytes }),
            Err(Error::AlreadyExists { .. }) => self.expect_size(location, bytes).await,
            Err(error) => Err(StorageError::store("upload", location, error)),
        }
    }

    /// Ends a multipart upload that will not be completed, so that its parts cost nothing. One that is not there is a
    /// success.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub async fn abort_upload(&self, location: &str, id: &str) -> Result<(), StorageError> {
        let (backend, parsed) = self.backend(location)?;
        let Some(store) = backend.multipart() else { return Ok(()) };
        match store.abort_multipart(&parsed.path, &id.to_owned()).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StorageError::store("abort of upload", location, error)),
        }
    }

    async fn expect_size(&self, location: &str, expected: u64) -> Result<Uploaded, StorageError> {
        match self.head(location).await? {
            Some(found) if found == expected => Ok(Uploaded { bytes: expected }),
            Some(found) => Err(StorageError::Exists { location: location.to_owned(), found, expected }),
            None => Err(StorageError::Missing { location: location.to_owned() }),
        }
    }
}

async fn single_put(
    store: &Arc<dyn ObjectStore>,
    path: &ObjectPath,
    source: &Path,
    bytes: u64,
) -> Result<object_store::Result<()>, StorageError> {
    let content = read_range(source.to_owned(), 0, bytes).await?;
    Ok(store.put_opts(path, content.into(), create_only()).await.map(drop))
}

struct Multipart<'a> {
    store: Arc<dyn MultipartStore>,
    path: ObjectPath,
    location: &'a str,
    source: &'a Path,
    bytes: u64,
    /// Size of every part but the last.
    part: u64,
    parallel: u64,
}

impl Multipart<'_> {
    async fn run<F, Fut>(self, target: &Store, on_multipart: F) -> Result<Uploaded, StorageError>
    where
        F: FnOnce(String) -> Fut + Send,
        Fut: Future<Output = Result<(), CallbackError>> + Send,
    {
        let id = self.store.create_multipart(&self.path).await.map_err(|error| self.error(error))?;
        if let Err(source) = on_multipart(id.clone()).await {
            self.give_up(&id).await;
            return Err(StorageError::Callback { location: self.location.to_owned(), source });
        }
        let parts = match self.send_parts(&id).await {
            Ok(parts) => parts,
            Err(error) => {
                self.give_up(&id).await;
                return Err(error);
            }
        };
        match self.store.complete_multipart(&self.path, &id, parts).await {
            Ok(_) => Ok(Uploaded { bytes: self.bytes }),
            Err(error) => self.completed_before(target, &id, error).await,
        }
    }

    async fn send_parts(&self, id: &String) -> Result<Vec<PartId>, StorageError> {
        let size = self.part;
        let count = self.bytes.div_ceil(size);
        let send = |index: u64| async move {
            let offset = index * size;
            let content = read_range(self.source.to_owned(), offset, size.min(self.bytes - offset)).await?;
            let part = self.store.put_part(&self.path, id, index as usize, content.into());
            part.await.map_err(|error| self.error(error))
        };
        stream::iter((0..count).map(send)).buffered(self.parallel as usize).try_collect().await
    }

    /// The completion failed, or a retry of it did: the object itself says which. While there is none, the upload is not
    /// given up, since a completion that is still under way would be lost with it. Once the name is taken no completion
    /// can succeed any more, and parts that nobody needs would cost money.
    async fn completed_before(&self, target: &Store, id: &String, error: Error) -> Result<Uploaded, StorageError> {
        let Some(found) = target.head(self.location).await? else { return Err(self.error(error)) };
        self.give_up(id).await;
        if found == self.bytes {
            return Ok(Uploaded { bytes: found });
        }
        Err(StorageError::Exists { location: self.location.to_owned(), found, expected: self.bytes })
    }

    /// Best effort: the caller knows the id and sweeps what stays.
    async fn give_up(&self, id: &String) {
        if let Err(error) = self.store.abort_multipart(&self.path, id).await {
            tracing::debug!(location = self.location, %error, "multipart upload could not be ended");
        }
    }

    fn error(&self, error: Error) -> StorageError {
        StorageError::store("upload", self.location, error)
    }
}

async fn file_size(path: &Path) -> Result<u64, StorageError> {
    let metadata = tokio::fs::metadata(path).await;
    metadata.map(|metadata| metadata.len()).map_err(|source| source_error(path, source))
}

async fn read_range(path: PathBuf, offset: u64, length: u64) -> Result<Bytes, StorageError> {
    let read = {
        let path = path.clone();
        move || {
            let mut content = vec![0; length as usize];
            std::fs::File::open(path)?.read_exact_at(&mut content, offset)?;
            Ok(Bytes::from(content))
        }
    };
    let joined = tokio::task::spawn_blocking(read).await;
    joined.map_err(std::io::Error::other).flatten().map_err(|source| source_error(&path, source))
}

fn source_error(path: &Path, source: std::io::Error) -> StorageError {
    StorageError::Source { path: path.to_owned(), source }
}
