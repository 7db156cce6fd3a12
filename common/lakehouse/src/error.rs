//! One error for the whole port, and the only question that a caller asks of it: what may be done next?
//!
//! Commit requests do not end in an error at all but in a [`k2i_domain::lake::Outcome`]: success is read from the table.

use k2i_domain::ids::SnapshotId;

use crate::catalog::CatalogError;
use crate::schema::{SchemaError, Unwritable};
use crate::statistics::StatisticsError;
use crate::storage::StorageError;

/// What the caller may do after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The same again, after a pause: nothing was applied, or applying it twice changes nothing.
    Retry,
    /// Load the table again and plan anew.
    Refresh,
    /// It may have been applied: read back before anything else.
    Verify,
    /// It will not succeed as it is: a person or another plan is needed.
    Reject,
}

/// Whatever can go wrong between a plan and its catalog request, or while reading a table's state.
#[derive(Debug, thiserror::Error)]
pub enum LakehouseError {
    /// The object store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A schema that cannot be read or built.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A file's statistics cannot be read.
    #[error("statistics of {location} cannot be used")]
    Statistics {
        /// The data file.
        location: String,
        /// Why.
        source: StatisticsError,
    },
    /// The table is of a kind that this version does not write.
    #[error("table {table} cannot be written by this version")]
    Unwritable {
        /// The table.
        table: String,
        /// What is in the way.
        source: Unwritable,
    },
    /// The plan was made on another head than the load it is to be posted against.
    #[error("plan of snapshot {snapshot} is based on {planned:?}, but the loaded head is {head:?}")]
    StaleBase {
        /// The planned snapshot.
        snapshot: SnapshotId,
        /// The head that the plan names.
        planned: Option<SnapshotId>,
        /// The head of the load.
        head: Option<SnapshotId>,
    },
    /// A file names a schema or partition spec that the table does not hold.
    #[error("file {location} names {what} {id}, which table {table} does not have")]
    UnknownReference {
        /// The data file.
        location: String,
        /// `schema` or `partition spec`.
        what: &'static str,
        /// Its id.
        id: i32,
        /// The table.
        table: String,
    },
    /// A snapshot holds delete files, which this version does not apply.
    #[error("table {table} has delete files ({location}); reading its data files alone would show deleted rows")]
    DeleteFiles {
        /// The table.
        table: String,
        /// One of them.
        location: String,
    },
    /// Iceberg metadata could not be read or built.
    #[error("iceberg metadata of {table} could not be {action}")]
    Metadata {
        /// The table.
        table: String,
        /// `read`, `built` or `written`.
        action: &'static str,
        /// The iceberg crate's word on it.
        source: iceberg::Error,
    },
}

impl LakehouseError {
    /// What the caller may do next.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Storage(error) => error.recovery(),
            Self::Catalog(error) => error.recovery(),
            Self::StaleBase { .. } => Recovery::Refresh,
            Self::Metadata { source, .. } => metadata_recovery(source),
            Self::Schema(_)
            | Self::Statistics { .. }
            | Self::Unwritable { .. }
            | Self::UnknownReference { .. }
            | Self::DeleteFiles { .. } => Recovery::Reject,
        }
    }
}

/// Errors that our storage raised keep its verdict (it marks what may be retried); everything else is the content's.
pub(crate) fn metadata_recovery(error: &iceberg::Error) -> Recovery {
    if error.retryable() { Recovery::Retry } else { Recovery::Reject }
}

/// An error with its chain of causes, for places that hold plain text.
#[must_use]
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = if tells_all(cause) { None } else { cause.source() };
    }
    text
}

/// Errors of these crates write out their own causes.
fn tells_all(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<iceberg::Error>() || error.is::<object_store::Error>() || error.is::<sqlx::Error>()
}
