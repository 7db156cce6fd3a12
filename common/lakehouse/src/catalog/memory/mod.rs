//! A catalog within the process, for tests: same behaviour, and faults on demand.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use iceberg::spec::TableMetadata;
use iceberg::{NamespaceIdent, TableIdent, TableRequirement, TableUpdate};
use k2i_domain::lake::Outcome;

use super::{CatalogBackend, CatalogDescription, CatalogError, Draft, LoadedTable, ProbeTable, metadata};

/// What shall happen to a request of [`MemoryCatalog`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request is applied and its answer is lost.
    AnswerLost,
    /// The request is lost: not applied, and the caller cannot know.
    RequestLost,
    /// The request is refused.
    Refused,
}

/// Clones are the same catalog.
#[derive(Debug, Clone)]
pub struct MemoryCatalog {
    warehouse: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    namespaces: BTreeSet<NamespaceIdent>,
    tables: BTreeMap<TableIdent, LoadedTable>,
    /// Counts metadata versions over all tables, as part of their made-up locations.
    version: u64,
    faults: VecDeque<Fault>,
    takes_stale: bool,
}

impl MemoryCatalog {
    /// An empty catalog whose tables lie under `warehouse`.
    #[must_use]
    pub fn new(warehouse: impl Into<String>) -> Self {
        Self { warehouse: warehouse.into(), state: Arc::default() }
    }

    /// The next create or commit meets this fault; several are met in order.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push_back(fault);
    }

    /// From now on it looks at nothing that a commit asserts, and takes whatever comes; or it looks again.
    pub fn take_stale_commits(&self, takes: bool) {
        self.lock().takes_stale = takes;
    }

    /// Forgets a table.
    pub fn drop_table(&self, table: &TableIdent) {
        self.lock().tables.remove(table);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the state half changed: each change is one insert.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn store(&mut self, ident: TableIdent, metadata: TableMetadata) {
        self.version += 1;
        let location = format!("{}/metadata/{:05}.metadata.json", metadata.location(), self.version);
        let table = LoadedTable { ident: ident.clone(), metadata: metadata.into(), metadata_location: Some(location) };
        self.tables.insert(ident, table);
    }

    /// Runs the request as the next fault has it.
    fn request(&mut self, apply: impl FnOnce(&mut Self) -> Outcome) -> Outcome {
        match self.faults.pop_front() {
            None => apply(self),
            Some(Fault::AnswerLost) => {
                apply(self);
                Outcome::Unknown("the answer was lost".into())
            }
            Some(Fault::RequestLost) => Outcome::Unknown("the request was lost".into()),
            Some(Fault::Refused) => Outcome::Rejected("refused on demand".into()),
        }
    }
}

#[async_trait]
impl CatalogBackend for MemoryCatalog {
    async fn load(&self, table: &TableIdent) -> Result<Option<LoadedTable>, CatalogError> {
        Ok(self.lock().tables.get(table).cloned())
    }

    async fn stage(&self, table: &TableIdent, draft: Draft) -> Result<TableMetadata, CatalogError> {
        metadata::new_metadata(table, draft, metadata::table_location(&self.warehouse, table))
    }

    async fn create(&self, table: &TableIdent, metadata: TableMetadata) -> Outcome {
        self.lock().request(|state| {
            if !state.namespaces.contains(&table.namespace) {
                return Outcome::Rejected(format!("namespace {} does not exist", table.namespace));
            }
            if state.tables.contains_key(table) {
                return Outcome::Conflict;
            }
            state.store(table.clone(), metadata);
            Outcome::Committed
        })
    }

    async fn commit(
        &self,
        base: &LoadedTable,
        requirements: Vec<TableRequirement>,
        updates: Vec<TableUpdate>,
    ) -> Outcome {
        self.lock().request(|state| {
            let Some(current) = state.tables.get(&base.ident) else { return Outcome::TableGone };
            let asserted = if state.takes_stale { &[][..] } else { requirements.as_slice() };
            if !state.takes_stale && current.metadata_location != base.metadata_location {
                return Outcome::Conflict;
            }
            match metadata::apply(current, asserted, updates) {
                Ok(metadata) => {
                    state.store(base.ident.clone(), metadata);
                    Outcome::Committed
                }
                Err(error) if error.kind() == iceberg::ErrorKind::CatalogCommitConflicts => Outcome::Conflict,
                Err(error) => Outcome::Rejected(error.to_string()),
            }
        })
    }

    async fn ensure_namespace(&self, namespace: &NamespaceIdent) -> Result<(), CatalogError> {
        self.lock().namespaces.insert(namespace.clone());
        Ok(())
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<Option<bool>, CatalogError> {
        Ok(Some(self.lock().namespaces.contains(namespace)))
    }

    async fn drop_probe(&self, probe: &ProbeTable) -> Result<(), CatalogError> {
        self.drop_table(&probe.loaded().ident);
        Ok(())
    }

    fn describe(&self) -> CatalogDescription {
        let name = "memory".to_owned();
        CatalogDescription { name, compare_and_set: true, keeps_history: true, drops_tables: true }
    }
}
