//! The one handle to every store of a process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use iceberg::io::{FileIO, FileIOBuilder};
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore;
use object_store::path::Path as ObjectPath;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use super::lending::Claim;
use super::{
    DurableLocal, Lending, LentPlace, Location, Memory, Scheme, StorageError, StorageSettings, StoreFactory,
    UploadMemory, s3,
};

/// Cheap to clone; clones share connections.
#[derive(Clone, Default)]
pub struct Store {
    inner: Arc<Inner>,
}

type LentClients = BTreeMap<(String, Claim), (LentPlace, Arc<AmazonS3>)>;

#[derive(Default)]
struct Inner {
    settings: StorageSettings,
    local: Arc<DurableLocal>,
    /// One client per bucket that was met; a table lives in one or two.
    buckets: Mutex<BTreeMap<String, Arc<AmazonS3>>>,
    /// One client per bucket and keys that the catalog lends, with what the catalog said of the store.
    lent: Mutex<LentClients>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

/// A store with the interfaces that it has.
pub(super) enum Backend {
    Local(Arc<DurableLocal>),
    Memory(Memory),
    S3(Arc<AmazonS3>),
}

impl Backend {
    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        match self {
            Self::Local(store) => store.clone(),
            Self::Memory(store) => store.objects(),
            Self::S3(store) => store.clone(),
        }
    }

    pub(super) fn multipart(&self) -> Option<Arc<dyn MultipartStore>> {
        match self {
            Self::Local(_) => None,
            Self::Memory(store) => Some(Arc::new(store.clone())),
            Self::S3(store) => Some(store.clone()),
        }
    }
}

impl Store {
    /// A handle that connects when it is first used.
    #[must_use]
    pub fn new(settings: StorageSettings) -> Self {
        Self { inner: Arc::new(Inner { settings, ..Inner::default() }) }
    }

    /// Iceberg's view of the same stores.
    #[must_use]
    pub fn file_io(&self) -> FileIO {
        FileIOBuilder::new(Arc::new(StoreFactory::new(self.clone()))).build()
    }

    /// The store and object that a location means, for readers that bring their own machinery.
    ///
    /// # Errors
    /// [`StorageError::Location`] or [`StorageError::Settings`].
    pub fn resolve(&self, location: &str) -> Result<(Arc<dyn ObjectStore>, ObjectPath), StorageError> {
        let (backend, parsed) = self.backend(location)?;
        Ok((backend.objects(), parsed.path))
    }

    /// Size in bytes, `None` when there is no such object.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub async fn head(&self, location: &str) -> Result<Option<u64>, StorageError> {
        let (store, path) = self.resolve(location)?;
        match store.head(&path).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StorageError::store("head", location, error)),
        }
    }

    /// The whole object; meant for metadata, which is small.
    ///
    /// # Errors
    /// [`StorageError::Missing`], or when the store could not be asked.
    pub async fn get(&self, location: &str) -> Result<Bytes, StorageError> {
        let (store, path) = self.resolve(location)?;
        let read = async { store.get(&path).await?.bytes().await };
        read.await.map_err(|error| StorageError::store("read", location, error))
    }

    /// Creates an object. The same content under the same name again is a success.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when other content is there.
    pub async fn put(&self, location: &str, content: Bytes) -> Result<(), StorageError> {
        let (store, path) = self.resolve(location)?;
        match store.put_opts(&path, content.clone().into(), create_only()).await {
            Ok(_) => Ok(()),
            Err(Error::AlreadyExists { .. }) => self.expect_content(location, &content).await,
            Err(error) => Err(StorageError::store("write", location, error)),
        }
    }

    /// Deletes an object; one that is not there is a success.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub async fn delete(&self, location: &str) -> Result<(), StorageError> {
        let (store, path) = self.resolve(location)?;
        match store.delete(&path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StorageError::store("delete", location, error)),
        }
    }

    /// Removes a table's folder and the one for its metadata, where there are folders and nothing is in them any more.
    pub(crate) async fn remove_empty_folders(&self, table: &str) {
        let Ok(Location { scheme: Scheme::File, .. }) = Location::parse(table) else { return };
        for folder in [format!("{table}/metadata"), table.to_owned()] {
            if let Ok(location) = Location::parse(&folder)
                && let Err(error) = tokio::fs::remove_dir(location.file()).await
            {
                tracing::debug!(folder, %error, "the folder of a dropped table stays");
            }
        }
    }

    /// An attempt whose answer was lost left exactly this content.
    async fn expect_content(&self, location: &str, expected: &Bytes) -> Result<(), StorageError> {
        let found = self.get(location).await?;
        if found == *expected {
            return Ok(());
        }
        Err(StorageError::Exists {
            location: location.to_owned(),
            found: found.len() as u64,
            expected: expected.len() as u64,
        })
    }

    /// What uploads to all of its stores may hold.
    pub(super) fn upload_memory(&self) -> &UploadMemory {
        &self.inner.settings.uploads
    }

    pub(super) fn backend(&self, location: &str) -> Result<(Backend, Location), StorageError> {
        let parsed = Location::parse(location)?;
        let backend = match parsed.scheme {
            Scheme::File => Backend::Local(self.inner.local.clone()),
            Scheme::Memory => Backend::Memory(self.inner.settings.memory.clone()),
            Scheme::S3 => Backend::S3(self.s3(location, &parsed.bucket)?),
        };
        Ok((backend, parsed))
    }

    /// What catalogs lend for locations of this store.
    #[must_use]
    pub fn lending(&self) -> &Lending {
        &self.inner.settings.lending
    }

    fn s3(&self, location: &str, bucket: &str) -> Result<Arc<AmazonS3>, StorageError> {
        let settings = &self.inner.settings;
        if settings.s3.names_keys() {
            return self.bucket(bucket);
        }
        match settings.lending.find(location) {
            Some((claim, place)) => self.lent(bucket, claim, place),
            None => self.bucket(bucket),
        }
    }

    fn lent(&self, bucket: &str, claim: Claim, place: LentPlace) -> Result<Arc<AmazonS3>, StorageError> {
        // A panic while the map is held cannot leave it half changed.
        let mut clients = self.inner.lent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = (bucket.to_owned(), claim);
        if let Some((_, client)) = clients.get(&key).filter(|(known, _)| *known == place) {
            return Ok(client.clone());
        }
        let Inner { settings, .. } = &*self.inner;
        let client = s3::lent_client(&settings.s3, bucket, &settings.lending, key.1.clone(), place.clone())?;
        let client = Arc::new(client);
        clients.insert(key, (place, client.clone()));
        Ok(client)
    }

    fn bucket(&self, bucket: &str) -> Result<Arc<AmazonS3>, StorageError> {
        // A panic while the map is held cannot leave it half changed.
        let mut buckets = self.inner.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(client) = buckets.get(bucket) {
            return Ok(client.clone());
        }
        let client = Arc::new(s3::client(&self.inner.settings.s3, bucket)?);
        buckets.insert(bucket.to_owned(), client.clone());
        Ok(client)
    }
}

pub(super) fn create_only() -> PutOptions {
    PutOptions::from(PutMode::Create)
}
