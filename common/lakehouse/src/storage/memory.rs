//! The store behind `memory://`, held to what the real ones do.
//!
//! Objects are `object_store`'s own. Its uploads in parts are not used: they replace what has the name, and take parts in
//! order only. Here an upload is completed by one creation that fails where the name is taken, and its parts stay until
//! it is completed or given up, as they do on S3.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use object_store::memory::InMemory;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as ObjectPath;
use object_store::{Error, MultipartId, ObjectStore, PutPayload, PutResult, Result};

use super::store::create_only;

/// The parts of one upload, by number.
type Parts = BTreeMap<usize, Bytes>;

/// Clones share their content, separately made ones do not.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    objects: Arc<InMemory>,
    uploads: Arc<Mutex<HashMap<MultipartId, Parts>>>,
}

impl Memory {
    pub(super) fn objects(&self) -> Arc<InMemory> {
        self.objects.clone()
    }

    /// Each change is one call on the map, so a panic elsewhere leaves it whole.
    fn uploads(&self) -> MutexGuard<'_, HashMap<MultipartId, Parts>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MultipartStore for Memory {
    async fn create_multipart(&self, _path: &ObjectPath) -> Result<MultipartId> {
        let id = uuid::Uuid::new_v4().to_string();
        self.uploads().insert(id.clone(), Parts::new());
        Ok(id)
    }

    async fn put_part(&self, path: &ObjectPath, id: &MultipartId, part_idx: usize, data: PutPayload) -> Result<PartId> {
        let mut uploads = self.uploads();
        let parts = uploads.get_mut(id).ok_or_else(|| no_upload(path, id))?;
        parts.insert(part_idx, data.into());
        Ok(PartId { content_id: part_idx.to_string() })
    }

    async fn complete_multipart(&self, path: &ObjectPath, id: &MultipartId, parts: Vec<PartId>) -> Result<PutResult> {
        let stored = self.uploads().get(id).cloned().ok_or_else(|| no_upload(path, id))?;
        if let Some(part) = (0..parts.len()).find(|part| !stored.contains_key(part)) {
            let source = format!("part {part} of upload {id} is missing").into();
            return Err(Error::Generic { store: "memory", source });
        }
        let created = self.objects.put_opts(path, stored.into_values().collect(), create_only()).await?;
        self.uploads().remove(id);
        Ok(created)
    }

    async fn abort_multipart(&self, path: &ObjectPath, id: &MultipartId) -> Result<()> {
        self.uploads().remove(id).map(drop).ok_or_else(|| no_upload(path, id))
    }
}

fn no_upload(path: &ObjectPath, id: &MultipartId) -> Error {
    Error::NotFound { path: path.to_string(), source: format!("there is no upload {id}").into() }
}
