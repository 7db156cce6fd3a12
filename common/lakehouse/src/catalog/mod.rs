//! Where a table's current metadata is named, and the compare-and-set that moves that name.
//!
//! A [`CatalogBackend`] answers a commit with an [`Outcome`] and makes **exactly one attempt**: no retry, no rebase, no
//! reload. Whether a request applied is read from the table afterwards, never from the answer. `Rejected` means that it
//! certainly did not apply (refused, or never sent, with the reason in words); `Unknown`, that it may have.
//!
//! Every backend passes [`conformance`].

#[doc(hidden)]
pub mod conformance;
mod creation;
mod error;
mod hold_off;
mod memory;
mod metadata;
pub mod probe;
mod rest;
mod settings;
mod sqlite;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use iceberg::spec::{Schema, TableMetadata, TableMetadataRef};
use iceberg::{NamespaceIdent, TableIdent, TableRequirement, TableUpdate};
use k2i_domain::lake::Outcome;

use crate::storage::Store;

pub use creation::creation_updates;
pub use error::CatalogError;
pub use hold_off::HoldOff;
pub use memory::{Fault, MemoryCatalog};
pub use probe::{ProbeTable, ProbeVerdict};
pub use rest::RestCatalog;
pub use settings::{CatalogKind, CatalogSettings, ClientCredentials, RestAuth, RestSettings};
pub use sqlite::SqliteCatalog;

/// One fresh load of a table.
#[derive(Debug, Clone)]
pub struct LoadedTable {
    /// Its name.
    pub ident: TableIdent,
    /// Its metadata.
    pub metadata: TableMetadataRef,
    /// Where that metadata is stored; some REST servers do not say.
    pub metadata_location: Option<String>,
}

/// What a new table shall be; nothing of it exists yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Schema; the catalog assigns its ids anew.
    pub schema: Schema,
    /// Table properties.
    pub properties: HashMap<String, String>,
}

/// What a backend is and what may be expected of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogDescription {
    /// The product and where it is, for messages: `sqlite /data/catalog.db`, without credentials.
    pub name: String,
    /// True when the catalog refuses a commit whose base has moved. False: K2I must be the only writer.
    pub compare_and_set: bool,
    /// True when the catalog keeps the ancestors of the head, so that lineage can be checked.
    pub keeps_history: bool,
    /// True when it has a way to drop a table, which a probe needs.
    pub drops_tables: bool,
}

/// A catalog, reduced to what a commit needs.
#[async_trait]
pub trait CatalogBackend: std::fmt::Debug + Send + Sync {
    /// Loads the table as it is now; never from a cache. `None`: the catalog says that there is no such table.
    async fn load(&self, table: &TableIdent) -> Result<Option<LoadedTable>, CatalogError>;

    /// Makes the metadata that a new table would have, with its location; the table does not exist afterwards.
    ///
    /// Fails with [`CatalogError::Exists`] where the catalog can tell that the name is taken.
    async fn stage(&self, table: &TableIdent, draft: Draft) -> Result<TableMetadata, CatalogError>;

    /// Creates the table as `metadata` (from [`Self::stage`], with its first snapshot) in one request that asserts that
    /// the name is free.
    async fn create(&self, table: &TableIdent, metadata: TableMetadata) -> Outcome;

    /// Applies the updates if every requirement holds and `base` is still the table's state; one attempt.
    async fn commit(
        &self,
        base: &LoadedTable,
        requirements: Vec<TableRequirement>,
        updates: Vec<TableUpdate>,
    ) -> Outcome;

    /// Creates the namespace unless it exists.
    async fn ensure_namespace(&self, namespace: &NamespaceIdent) -> Result<(), CatalogError>;

    /// Whether the namespace is there; `None` where the catalog cannot tell. Changes nothing.
    async fn namespace_exists(&self, _namespace: &NamespaceIdent) -> Result<Option<bool>, CatalogError> {
        Ok(None)
    }

    /// Drops a probe of ours; its files stay. K2I drops nothing else. A probe that is gone already is a success.
    async fn drop_probe(&self, probe: &ProbeTable) -> Result<(), CatalogError>;

    /// What this backend is.
    fn describe(&self) -> CatalogDescription;
}

/// Connects to the configured catalog.
///
/// # Errors
/// When the settings make no sense or the catalog cannot be reached.
pub async fn connect(settings: &CatalogSettings, store: &Store) -> Result<Arc<dyn CatalogBackend>, CatalogError> {
    Ok(match &settings.kind {
        CatalogKind::Sqlite { uri } => {
            Arc::new(SqliteCatalog::open(&settings.name, uri, settings.warehouse.as_deref(), store.clone()).await?)
        }
        CatalogKind::Rest(rest) => {
            let opened = RestCatalog::open(rest, settings.warehouse.as_deref()).await?;
            Arc::new(opened.lending_to(store.lending()))
        }
        CatalogKind::Memory(catalog) => Arc::new(catalog.clone()),
    })
}
