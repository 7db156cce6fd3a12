//! Iceberg's storage interface over [`Store`].
//!
//! Iceberg wants storages that can be serialised. Ours carry no settings across (they hold secrets): one that was
//! deserialised takes its settings from the environment.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use iceberg::io::{FileMetadata, FileRead, FileWrite, InputFile, OutputFile, Storage, StorageConfig, StorageFactory};
use iceberg::{Error, ErrorKind, Result};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};

use super::{StorageError, Store};

/// Makes iceberg's `FileIO` use our stores.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StoreFactory {
    #[serde(skip)]
    store: Store,
}

impl StoreFactory {
    /// A factory over the given stores.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[typetag::serde(name = "K2iStorageFactory")]
impl StorageFactory for StoreFactory {
    fn build(&self, _config: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(StoreStorage { store: self.store.clone() }))
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct StoreStorage {
    #[serde(skip)]
    store: Store,
}

#[async_trait]
#[typetag::serde(name = "K2iStorage")]
impl Storage for StoreStorage {
    async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.store.head(path).await?.is_some())
    }

    async fn metadata(&self, path: &str) -> Result<FileMetadata> {
        let size = self.store.head(path).await?;
        let size = size.ok_or_else(|| StorageError::Missing { location: path.to_owned() })?;
        Ok(FileMetadata { size })
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        Ok(self.store.get(path).await?)
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        let (store, object) = self.store.resolve(path)?;
        Ok(Box::new(Reader { store, object, location: path.to_owned() }))
    }

    async fn write(&self, path: &str, content: Bytes) -> Result<()> {
        Ok(self.store.put(path, content).await?)
    }

    async fn writer(&self, path: &str) -> Result<Box<dyn FileWrite>> {
        Ok(Box::new(Writer { store: self.store.clone(), location: path.to_owned(), content: Some(Vec::new()) }))
    }

    async fn delete(&self, path: &str) -> Result<()> {
        Ok(self.store.delete(path).await?)
    }

    async fn delete_prefix(&self, path: &str) -> Result<()> {
        let (store, prefix) = self.store.resolve(path)?;
        let listed = store.list(Some(&prefix)).map_ok(|meta| meta.location).boxed();
        let deleted = store.delete_stream(listed).try_for_each(|_| async { Ok(()) }).await;
        Ok(deleted.map_err(|error| StorageError::store("delete", path, error))?)
    }

    async fn delete_stream(&self, mut paths: BoxStream<'static, String>) -> Result<()> {
        while let Some(path) = paths.next().await {
            self.store.delete(&path).await?;
        }
        Ok(())
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, path: &str) -> Result<OutputFile> {
        Ok(OutputFile::new(Arc::new(self.clone()), path.to_owned()))
    }
}

struct Reader {
    store: Arc<dyn ObjectStore>,
    object: ObjectPath,
    location: String,
}

#[async_trait]
impl FileRead for Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let read = self.store.get_range(&self.object, range).await;
        Ok(read.map_err(|error| StorageError::store("read", &self.location, error))?)
    }
}

/// Collects the content and creates the object at `close`. Iceberg writes its metadata files in one piece, so this holds
/// no more than iceberg itself does.
struct Writer {
    store: Store,
    location: String,
    /// `None` once closed.
    content: Option<Vec<u8>>,
}

impl Writer {
    fn closed(&self) -> Error {
        Error::new(ErrorKind::Unexpected, format!("{} is already closed", self.location))
    }
}

#[async_trait]
impl FileWrite for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match &mut self.content {
            Some(content) => {
                content.extend_from_slice(&bytes);
                Ok(())
            }
            None => Err(self.closed()),
        }
    }

    async fn close(&mut self) -> Result<()> {
        let content = self.content.take().ok_or_else(|| self.closed())?;
        Ok(self.store.put(&self.location, content.into()).await?)
    }
}
