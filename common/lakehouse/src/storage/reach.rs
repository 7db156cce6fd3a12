//! Whether a store is there, asked without writing to it.
//!
//! The question is a `GET` of a name that nobody writes. A `HEAD` would not do: its answer has no body, and by its status
//! alone a bucket that does not exist looks like an object that does not.

use object_store::{Error, ObjectStoreExt};

use super::{StorageError, Store};

/// The name in a folder that nothing is ever stored under.
const NAME: &str = "k2i-reach";
/// The code with which S3 says that it has no such bucket.
const NO_BUCKET: &str = "NoSuchBucket";
/// The code with which S3 refuses to say whether an object exists, to whoever may not list its bucket.
const MAY_NOT_LIST: &str = "AccessDenied";

impl Store {
    /// Succeeds when the store of this folder answers, has the bucket and takes the keys. The folder itself need not
    /// exist.
    ///
    /// # Errors
    /// [`StorageError::Store`] when it does not answer, or refuses; [`StorageError::Location`] or
    /// [`StorageError::Settings`] when it cannot be asked.
    pub async fn reach(&self, folder: &str) -> Result<(), StorageError> {
        let location = format!("{}/{NAME}", folder.trim_end_matches('/'));
        let (store, path) = self.resolve(&location)?;
        match store.get(&path).await {
            Ok(_) => Ok(()),
            Err(error) if says_that_it_is_there(&error) => Ok(()),
            Err(source) => Err(StorageError::Store { operation: "a first look", location, source }),
        }
    }
}

fn says_that_it_is_there(error: &Error) -> bool {
    match error {
        Error::NotFound { source, .. } => !source.to_string().contains(NO_BUCKET),
        Error::PermissionDenied { source, .. } => source.to_string().contains(MAY_NOT_LIST),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
