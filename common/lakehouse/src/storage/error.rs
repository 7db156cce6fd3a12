//! What can go wrong in a store, sorted by what the caller may do.

use std::path::PathBuf;

use super::explain::meaning;
use crate::error::{Recovery, with_sources};

/// An error of a store operation.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The location is not one that this version can use.
    #[error("location {location} cannot be used: {reason}")]
    Location {
        /// The location as given.
        location: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// The settings of a store do not make sense.
    #[error("storage settings for {location} are invalid: {reason}")]
    Settings {
        /// What they are for.
        location: String,
        /// What is wrong.
        reason: String,
    },
    /// Another object of that name is there. Names are random, so this is a bug or somebody else's doing.
    #[error("{location} exists with other content ({found} bytes instead of {expected})")]
    Exists {
        /// The object.
        location: String,
        /// Its size.
        found: u64,
        /// The size that was to be written.
        expected: u64,
    },
    /// The object is not there.
    #[error("{location} does not exist")]
    Missing {
        /// The object.
        location: String,
    },
    /// The local file to be uploaded cannot be read.
    #[error("local file {} cannot be read", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The caller could not note the upload's id; nothing of the object is visible.
    #[error("multipart upload of {location} was given up because its id could not be noted")]
    Callback {
        /// The object.
        location: String,
        /// The caller's own error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store refused or could not be reached.
    #[error("{operation} of {location} failed{}", meaning(location, source))]
    Store {
        /// `read`, `write`, …
        operation: &'static str,
        /// The object.
        location: String,
        /// The store's error.
        source: object_store::Error,
    },
}

impl StorageError {
    /// What the caller may do next. Operations of [`super::Store`] are idempotent, so `Retry` is right even where it is
    /// not known whether the operation took effect.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Location { .. } | Self::Settings { .. } | Self::Exists { .. } | Self::Missing { .. } => {
                Recovery::Reject
            }
            Self::Source { .. } => Recovery::Reject,
            Self::Callback { .. } => Recovery::Retry,
            Self::Store { source, .. } => store_recovery(source),
        }
    }

    pub(super) fn store(operation: &'static str, location: &str, source: object_store::Error) -> Self {
        // A write is answered "not found" too where the bucket is missing; then the store's own words matter.
        if operation == "read" && matches!(source, object_store::Error::NotFound { .. }) {
            return Self::Missing { location: location.to_owned() };
        }
        Self::Store { operation, location: location.to_owned(), source }
    }

    pub(super) fn location(location: &str, reason: impl Into<String>) -> Self {
        Self::Location { location: location.to_owned(), reason: reason.into() }
    }
}

fn store_recovery(error: &object_store::Error) -> Recovery {
    use object_store::Error;
    match error {
        Error::NotFound { .. }
        | Error::InvalidPath { .. }
        | Error::NotSupported { .. }
        | Error::NotImplemented { .. }
        | Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::UnknownConfigurationKey { .. }
        | Error::AlreadyExists { .. } => Recovery::Reject,
        // `object_store` may add kinds; one that we do not know is worth another try, since retrying is harmless here.
        _ => Recovery::Retry,
    }
}

impl From<StorageError> for iceberg::Error {
    fn from(error: StorageError) -> Self {
        // Iceberg's errors show one cause only, so all of them go into the text.
        let retryable = error.recovery() == Recovery::Retry;
        Self::new(iceberg::ErrorKind::Unexpected, with_sources(&error)).with_retryable(retryable)
    }
}
