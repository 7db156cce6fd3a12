//! The table port: what the coordinator's shell and the workers ask of a table, in the domain's own words.
//!
//! [`Lakehouse::write`] puts a plan's Iceberg manifests and manifest list into the store, [`Lakehouse::post`] sends the
//! one catalog request. Everything that decides (which files, which base, which properties) is decided elsewhere, in
//! `k2i_domain::core`.
//!
//! Invariants:
//! - What is asserted is what was validated: a commit's requirements come from the very load in its [`Base`].
//! - Nothing here retries or rebases a commit, and nothing that was written is overwritten or deleted.
//! - A retry of a snapshot with the same files reuses its Iceberg manifests and writes only the list anew.

mod create;
mod facts;
mod live;
mod manifests;
mod snapshot;
mod target;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use iceberg::spec::TableMetadata;
use iceberg::table::Table;
use iceberg::{NamespaceIdent, Runtime, TableIdent, TableRequirement, TableUpdate};
use k2i_domain::ids::SnapshotId;
use k2i_domain::lake::{CommitPlan, FileCheck, Loaded, Outcome};
use k2i_domain::manifest::ManifestFile;

use crate::catalog::probe::Probe;
use crate::catalog::{self, CatalogBackend, CatalogDescription, CatalogSettings, LoadedTable, ProbeVerdict};
use crate::error::LakehouseError;
use crate::schema::committable;
use crate::storage::{StorageSettings, Store};

pub use live::{LiveFile, LiveSnapshot};
pub use target::TargetTable;

pub(crate) use facts::format_version;
pub(crate) use snapshot::{metadata_folder, requirements, write_list};

/// Requests to the store that [`Lakehouse::check_files`] keeps under way.
const PARALLEL_CHECKS: usize = 16;

/// Everything that is needed to reach tables.
#[derive(Debug, Clone)]
pub struct LakehouseSettings {
    /// The catalog.
    pub catalog: CatalogSettings,
    /// The stores.
    pub storage: StorageSettings,
}

/// One catalog and the stores of its tables. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Lakehouse {
    backend: Arc<dyn CatalogBackend>,
    store: Store,
    runtime: Runtime,
}

/// One load of a table, and what a commit made from it is asserted on.
#[derive(Debug, Clone)]
pub struct Base {
    loaded: LoadedTable,
}

impl Base {
    /// The table's name.
    #[must_use]
    pub fn ident(&self) -> &TableIdent {
        &self.loaded.ident
    }

    /// The snapshot that `main` pointed at.
    #[must_use]
    pub fn head(&self) -> Option<SnapshotId> {
        self.metadata().current_snapshot_id().map(SnapshotId)
    }

    fn metadata(&self) -> &TableMetadata {
        &self.loaded.metadata
    }
}

/// A snapshot whose files are all in the store and that only the catalog request is missing for.
#[derive(Debug, Clone)]
pub struct Staged {
    snapshot: SnapshotId,
    attempt: u32,
    /// Locations of the plan's files, in its order: what the Iceberg manifests hold.
    files: Vec<String>,
    manifests: Vec<iceberg::spec::ManifestFile>,
    written: Vec<String>,
    requirements: Vec<TableRequirement>,
    updates: Vec<TableUpdate>,
}

impl Staged {
    /// The snapshot's id.
    #[must_use]
    pub fn snapshot(&self) -> SnapshotId {
        self.snapshot
    }

    /// Locations of what was written for it so far, over all attempts: Iceberg manifests and manifest lists. They are
    /// garbage only once the snapshot certainly did not land.
    #[must_use]
    pub fn written(&self) -> &[String] {
        &self.written
    }
}

impl Lakehouse {
    /// Connects to catalog and stores. Must be called within a tokio runtime, which outlives the result.
    ///
    /// # Errors
    /// When the settings make no sense or the catalog cannot be reached.
    pub async fn open(settings: LakehouseSettings) -> Result<Self, LakehouseError> {
        let store = Store::new(settings.storage);
        let backend = catalog::connect(&settings.catalog, &store).await?;
        Ok(Self::with_backend(backend, store))
    }

    /// A lakehouse over a catalog that is already there.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn with_backend(backend: Arc<dyn CatalogBackend>, store: Store) -> Self {
        Self { backend, store, runtime: Runtime::current() }
    }

    /// The stores of its tables.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What the catalog is, and what may be expected of it.
    #[must_use]
    pub fn describe(&self) -> CatalogDescription {
        self.backend.describe()
    }

    /// Whether the namespace is there; `None` where the catalog cannot tell. Changes nothing.
    ///
    /// # Errors
    /// When the catalog could not be asked.
    pub async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<Option<bool>, LakehouseError> {
        Ok(self.backend.namespace_exists(namespace).await?)
    }

    /// Shows on a table of its own in `namespace` whether the catalog refuses stale commits ([`catalog::probe`]).
    ///
    /// # Errors
    /// When catalog or store could not be asked.
    pub async fn probe(&self, namespace: &NamespaceIdent) -> Result<ProbeVerdict, LakehouseError> {
        Probe { backend: self.backend.as_ref(), store: &self.store, namespace }.run().await
    }

    /// Loads a table afresh. A failed load may be repeated.
    pub async fn load(&self, table: &TableIdent) -> (Loaded, Option<Base>) {
        match self.backend.load(table).await {
            Ok(Some(loaded)) => {
                let facts = facts::facts(&loaded.metadata);
                (Loaded::Found(Box::new(facts)), Some(Base { loaded }))
            }
            Ok(None) => (Loaded::Missing, None),
            Err(error) => (Loaded::Failed(crate::error::with_sources(&error)), None),
        }
    }

    /// Asks the store for every file, in the given order.
    ///
    /// # Errors
    /// When the store could not be asked about one of them; nothing is known then.
    pub async fn check_files(&self, files: &[ManifestFile]) -> Result<Vec<FileCheck>, LakehouseError> {
        let check = |file: &ManifestFile| {
            let (location, bytes) = (file.location.clone(), file.bytes);
            async move {
                let found = self.store.head(&location).await?;
                Ok(if found == Some(bytes) { FileCheck::Present } else { FileCheck::Vanished })
            }
        };
        let checks: Vec<_> = files.iter().map(check).collect();
        stream::iter(checks).buffered(PARALLEL_CHECKS).try_collect().await
    }

    /// Writes what the plan's snapshot needs. `reuse` is an earlier attempt at the same snapshot.
    ///
    /// # Errors
    /// [`LakehouseError::StaleBase`] when the plan was made on another head. Whatever was written stays.
    pub async fn write(
        &self,
        base: &Base,
        plan: &CommitPlan,
        reuse: Option<&Staged>,
    ) -> Result<Staged, LakehouseError> {
        let metadata = base.metadata();
        if plan.base != base.head() {
            return Err(LakehouseError::StaleBase { snapshot: plan.snapshot, planned: plan.base, head: base.head() });
        }
        committable(metadata)
            .map_err(|source| LakehouseError::Unwritable { table: base.ident().to_string(), source })?;
        let table = self.iceberg_table(&base.loaded)?;

        let files: Vec<String> = plan.files.iter().map(|file| file.location.clone()).collect();
        let earlier = reuse.filter(|staged| staged.snapshot == plan.snapshot);
        let attempt = earlier.map_or(0, |staged| staged.attempt + 1);
        let mut written = earlier.map(|staged| staged.written.clone()).unwrap_or_default();
        let manifests = match earlier.filter(|staged| staged.files == files) {
            Some(staged) => staged.manifests.clone(),
            None => manifests::write(&table, plan, attempt).await?,
        };
        for manifest in &manifests {
            if !written.contains(&manifest.manifest_path) {
                written.push(manifest.manifest_path.clone());
            }
        }
        let list = snapshot::write_with_parent(&table, plan, attempt, &manifests).await?;
        written.push(list.clone());
        let updates = snapshot::updates(&table, plan, list)?;
        let requirements = snapshot::requirements(metadata);
        Ok(Staged { snapshot: plan.snapshot, attempt, files, manifests, written, requirements, updates })
    }

    /// Sends the one catalog request of a staged snapshot, against the base that it was written for.
    pub async fn post(&self, base: &Base, staged: &Staged) -> Outcome {
        self.backend.commit(&base.loaded, staged.requirements.clone(), staged.updates.clone()).await
    }

    /// Iceberg's own view of a load.
    fn iceberg_table(&self, loaded: &LoadedTable) -> Result<Table, LakehouseError> {
        let mut builder = Table::builder()
            .identifier(loaded.ident.clone())
            .metadata(loaded.metadata.clone())
            .file_io(self.store.file_io())
            .runtime(self.runtime.clone())
            .disable_cache();
        if let Some(location) = &loaded.metadata_location {
            builder = builder.metadata_location(location);
        }
        builder.build().map_err(|source| metadata_error(&loaded.ident, "read", source))
    }
}

fn metadata_error(table: &TableIdent, action: &'static str, source: iceberg::Error) -> LakehouseError {
    LakehouseError::Metadata { table: table.to_string(), action, source }
}
