//! What can go wrong while a catalog is asked. Commits do not end here but in an `Outcome`.

use crate::error::{Recovery, metadata_recovery};
use crate::storage::StorageError;

/// An error of a catalog operation that changes nothing, or of one that may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The settings make no sense.
    #[error("catalog settings are invalid: {reason}")]
    Settings {
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The store under the catalog.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The catalog's database.
    #[error("catalog database could not {operation}")]
    Database {
        /// `open …`, `read table …`.
        operation: String,
        /// The driver's error.
        source: sqlx::Error,
    },
    /// Metadata that cannot be read, or written.
    #[error("metadata of table {table} at {location} could not be {action}")]
    Metadata {
        /// The table.
        table: String,
        /// The metadata file.
        location: String,
        /// `read`, `written` or `built`.
        action: &'static str,
        /// The iceberg crate's word on it.
        source: iceberg::Error,
    },
    /// A table of that name is there already.
    #[error("table {table} exists already")]
    Exists {
        /// The table.
        table: String,
    },
    /// Something else than a table has that name.
    #[error("{name} is a view, not a table")]
    NotATable {
        /// The name.
        name: String,
    },
    /// The catalog could not be reached, or answered with a passing fault.
    #[error("catalog could not {operation}: {reason}")]
    Unavailable {
        /// What was asked.
        operation: String,
        /// What came back.
        reason: String,
    },
    /// The catalog refused.
    #[error("catalog refused to {operation}: {reason}")]
    Refused {
        /// What was asked.
        operation: String,
        /// Its own words.
        reason: String,
    },
}

impl CatalogError {
    /// What the caller may do next.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Settings { .. } | Self::NotATable { .. } | Self::Refused { .. } => Recovery::Reject,
            Self::Storage(error) => error.recovery(),
            Self::Database { .. } | Self::Unavailable { .. } => Recovery::Retry,
            Self::Metadata { source, .. } => metadata_recovery(source),
            Self::Exists { .. } => Recovery::Refresh,
        }
    }
}
