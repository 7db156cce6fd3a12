//! Whether a catalog refuses a commit whose base has moved, asked before anything is entrusted to it.
//!
//! Exactly-once rests on that refusal, and there are catalogs that take every commit and say nothing. So a table of our
//! own is made, committed to once, and then sent a commit that asserts the head of before:
//!
//! ```text
//! create, head 1 ─▶ commit, head 2 ─▶ commit that asserts head 1 ─▶ load: is it in? ─▶ drop the table, delete its files
//! ```
//!
//! The stale commit changes a property only: a stale *snapshot* would be refused by its sequence number alone, even where
//! nothing that is asserted is looked at.
//!
//! The table has one fixed name in its namespace, and a property that marks it. So what a killed process left behind is
//! found by the next one, used, and removed; and two processes that ask at once only make each other begin again. Nothing
//! but a table with that name *and* that mark is ever dropped ([`ProbeTable`]).

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use iceberg::spec::{MAIN_BRANCH, Operation, Snapshot, Summary, TableMetadata};
use iceberg::{NamespaceIdent, TableIdent, TableUpdate};
use k2i_domain::ids::SnapshotId;
use k2i_domain::lake::Outcome;
use uuid::Uuid;

use super::{CatalogBackend, CatalogError, Draft, LoadedTable};
use crate::commit::{requirements, write_list};
use crate::connection::Connection;
use crate::error::LakehouseError;
use crate::schema::{Column, ColumnType, schema_of};
use crate::storage::Store;

/// The probe's name in its namespace.
pub const PROBE_TABLE: &str = "k2i_stale_commit_probe";
/// The property that marks it.
const MARK: &str = "k2i.probe";
const MARKED: &str = "stale-commit";
/// The property that the stale commit sets: a word of its own each time.
const STALE: &str = "k2i.probe.stale";

/// How often it is begun anew where somebody else probes too.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(200);
const OPERATION: &str = "show whether it refuses stale commits";

/// What a catalog does with a stale commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeVerdict {
    /// It refuses it, as it should.
    Refuses,
    /// It takes it: whoever commits last wins, and rows are lost without a word.
    Accepts,
    /// It does not let us make, change or drop a table here, so it could not be seen.
    NotAllowed {
        /// In the catalog's words.
        reason: String,
    },
}

/// Asks the catalog of `connection`, on a table of its own in `namespace`, which is made if it is missing. The table is
/// removed afterwards.
///
/// # Errors
/// When catalog or store could not be asked; nothing is known then, and asking again is safe.
pub async fn probe(connection: &Connection, namespace: &NamespaceIdent) -> Result<ProbeVerdict, LakehouseError> {
    connection.get().await?.probe(namespace).await
}

/// A load of a table that is a probe by name and by mark: what alone may be dropped.
#[derive(Debug, Clone)]
pub struct ProbeTable(LoadedTable);

impl ProbeTable {
    fn recognise(loaded: LoadedTable) -> Option<Self> {
        let marked = loaded.metadata.properties().get(MARK).is_some_and(|mark| mark == MARKED);
        (loaded.ident.name == PROBE_TABLE && marked).then_some(Self(loaded))
    }

    /// The load.
    #[must_use]
    pub fn loaded(&self) -> &LoadedTable {
        &self.0
    }

    /// The files that its metadata names, all within its own folder.
    fn files(&self) -> BTreeSet<String> {
        let metadata = &self.0.metadata;
        let earlier = metadata.metadata_log().iter().map(|entry| entry.metadata_file.clone());
        let lists = metadata.snapshots().map(|snapshot| snapshot.manifest_list().to_owned());
        let named = earlier.chain(lists).chain(self.0.metadata_location.clone());
        named.filter(|file| within(metadata.location(), file)).collect()
    }
}

fn within(folder: &str, file: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// One catalog, and the store that its tables lie in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe<'a> {
    pub(crate) backend: &'a dyn CatalogBackend,
    pub(crate) store: &'a Store,
    pub(crate) namespace: &'a NamespaceIdent,
}

/// What a round leaves in the store.
#[derive(Debug, Default)]
struct Traces {
    /// Manifest lists.
    written: Vec<String>,
    /// Where the table lies.
    folder: String,
}

/// How one round ended.
enum Round {
    /// It is known.
    Done(ProbeVerdict),
    /// Somebody else changed the table meanwhile.
    Disturbed,
}

impl Probe<'_> {
    pub(crate) async fn run(&self) -> Result<ProbeVerdict, LakehouseError> {
        if !self.backend.describe().drops_tables {
            let reason = "it offers no way to drop a table, so a probe would stay".to_owned();
            return Ok(ProbeVerdict::NotAllowed { reason });
        }
        for _ in 0..TRIES {
            match self.round().await {
                Ok(Round::Done(verdict)) => return Ok(verdict),
                // Of random length, so that two do not go on disturbing each other.
                Ok(Round::Disturbed) => tokio::time::sleep(PAUSE * u32::from(Uuid::new_v4().as_bytes()[0] % 8)).await,
                Err(LakehouseError::Catalog(CatalogError::Refused { operation, reason })) => {
                    return Ok(ProbeVerdict::NotAllowed { reason: format!("{operation}: {reason}") });
                }
                Err(error) => return Err(error),
            }
        }
        Err(undecided(format!("others kept changing {} {TRIES} times over", self.ident())))
    }

    fn ident(&self) -> TableIdent {
        TableIdent::new(self.namespace.clone(), PROBE_TABLE.to_owned())
    }

    /// One round, after which nothing stays, however it ended.
    async fn round(&self) -> Result<Round, LakehouseError> {
        let mut traces = Traces::default();
        let ended = self.try_round(&mut traces).await;
        if !traces.written.is_empty() {
            self.remove(traces).await;
        }
        ended
    }

    async fn try_round(&self, traces: &mut Traces) -> Result<Round, LakehouseError> {
        let base = match self.load().await? {
            Some(left_behind) => left_behind,
            None => match self.make(traces).await? {
                Some(made) => made,
                None => return Ok(Round::Disturbed),
            },
        };
        self.ask(&base, traces).await
    }

    /// `None`: there is no such table.
    async fn load(&self) -> Result<Option<ProbeTable>, LakehouseError> {
        let Some(loaded) = self.backend.load(&self.ident()).await? else { return Ok(None) };
        match ProbeTable::recognise(loaded) {
            Some(probe) => Ok(Some(probe)),
            None => Err(LakehouseError::Catalog(CatalogError::Refused {
                operation: OPERATION.to_owned(),
                reason: format!("{} has the name of K2I's probe, but is somebody's table; rename it", self.ident()),
            })),
        }
    }

    /// Creates it with a first snapshot. `None`: somebody else was quicker.
    async fn make(&self, traces: &mut Traces) -> Result<Option<ProbeTable>, LakehouseError> {
        self.backend.ensure_namespace(self.namespace).await?;
        let staged = match self.backend.stage(&self.ident(), draft()?).await {
            Ok(staged) => staged,
            Err(CatalogError::Exists { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let snapshot = self.snapshot(&staged, traces).await?;
        let built = staged.into_builder(None).set_branch_snapshot(snapshot, MAIN_BRANCH);
        let first = built.and_then(|builder| builder.build()).map_err(|source| self.unbuilt(source))?;
        match self.backend.create(&self.ident(), first.metadata).await {
            Outcome::Committed | Outcome::Conflict | Outcome::Unknown(_) => self.load().await,
            Outcome::TableGone => Ok(None),
            Outcome::Rejected(reason) => Err(rejected("make a probe table", reason)),
        }
    }

    async fn ask(&self, base: &ProbeTable, traces: &mut Traces) -> Result<Round, LakehouseError> {
        let metadata = &base.0.metadata;
        let snapshot = self.snapshot(metadata, traces).await?;
        let id = snapshot.snapshot_id();
        let built = metadata.as_ref().clone().into_builder(None).set_branch_snapshot(snapshot, MAIN_BRANCH);
        let updates = built.and_then(|builder| builder.build()).map_err(|source| self.unbuilt(source))?.changes;
        match self.backend.commit(&base.0, requirements(metadata), updates).await {
            Outcome::Committed | Outcome::Unknown(_) => {}
            Outcome::Conflict | Outcome::TableGone => return Ok(Round::Disturbed),
            Outcome::Rejected(reason) => return Err(rejected("commit to a probe table", reason)),
        }
        // Only a base that has really moved makes the next commit a stale one.
        match self.load().await? {
            Some(moved) if moved.0.metadata.current_snapshot_id() == Some(id) => self.ask_stale(&base.0).await,
            Some(_) | None => Ok(Round::Disturbed),
        }
    }

    async fn ask_stale(&self, base: &LoadedTable) -> Result<Round, LakehouseError> {
        let word = Uuid::new_v4().to_string();
        let updates = vec![TableUpdate::SetProperties { updates: [(STALE.to_owned(), word.clone())].into() }];
        let outcome = self.backend.commit(base, requirements(&base.metadata), updates).await;
        let Some(now) = self.load().await? else { return Ok(Round::Disturbed) };
        if now.0.metadata.properties().get(STALE) == Some(&word) {
            return Ok(Round::Done(ProbeVerdict::Accepts));
        }
        match outcome {
            // Said to be in, and not there: it cannot be relied upon either.
            Outcome::Committed => Ok(Round::Done(ProbeVerdict::Accepts)),
            Outcome::Conflict => Ok(Round::Done(ProbeVerdict::Refuses)),
            Outcome::Rejected(reason) if reason.starts_with(NOT_SENT) => Err(undecided(reason)),
            Outcome::Rejected(_) => Ok(Round::Done(ProbeVerdict::Refuses)),
            Outcome::TableGone => Ok(Round::Disturbed),
            Outcome::Unknown(reason) => Err(undecided(reason)),
        }
    }

    /// Drops the table and deletes its files. A table that cannot be dropped now is found by the next probe.
    async fn remove(&self, traces: Traces) {
        let Traces { written, folder } = traces;
        let mut files: BTreeSet<String> = written.into_iter().collect();
        match self.load().await {
            Ok(None) => {}
            Ok(Some(probe)) => match self.backend.drop_probe(&probe).await {
                Ok(()) => files.extend(probe.files()),
                Err(error) => return say_left(&self.ident(), &error.into()),
            },
            Err(error) => return say_left(&self.ident(), &error),
        }
        for file in files {
            if let Err(error) = self.store.delete(&file).await {
                tracing::debug!(file, %error, "a file of the probe table could not be deleted");
            }
        }
        self.store.remove_empty_folders(&folder).await;
    }

    /// An empty snapshot on the head of `metadata`.
    async fn snapshot(&self, metadata: &TableMetadata, traces: &mut Traces) -> Result<Snapshot, LakehouseError> {
        // Positive, as everybody's ids are.
        let id = i64::from_be_bytes(Uuid::new_v4().into_bytes()[..8].try_into().expect("8 of 16 bytes")) & i64::MAX;
        let list = write_list(&self.store.file_io(), metadata, SnapshotId(id), 0, Vec::new()).await;
        let list = list.map_err(|source| self.unbuilt(source))?;
        traces.written.push(list.clone());
        metadata.location().clone_into(&mut traces.folder);
        let summary = Summary { operation: Operation::Append, additional_properties: HashMap::new() };
        Ok(Snapshot::builder()
            .with_snapshot_id(id)
            .with_parent_snapshot_id(metadata.current_snapshot_id())
            .with_sequence_number(metadata.next_sequence_number())
            .with_timestamp_ms(metadata.last_updated_ms() + 1)
            .with_manifest_list(list)
            .with_summary(summary)
            .with_schema_id(metadata.current_schema_id())
            .build())
    }

    fn unbuilt(&self, source: iceberg::Error) -> LakehouseError {
        LakehouseError::Metadata { table: self.ident().to_string(), action: "built", source }
    }
}

fn draft() -> Result<Draft, LakehouseError> {
    let schema = schema_of(&[Column::optional("probe", ColumnType::Long)])?;
    Ok(Draft { schema, properties: HashMap::from([(MARK.to_owned(), MARKED.to_owned())]) })
}

/// How the reason of a request that never left this process begins.
const NOT_SENT: &str = "not sent";

/// A refusal is an answer; a request that was not sent is none.
fn rejected(operation: &str, reason: String) -> LakehouseError {
    if reason.starts_with(NOT_SENT) {
        return undecided(reason);
    }
    LakehouseError::Catalog(CatalogError::Refused { operation: operation.to_owned(), reason })
}

fn undecided(reason: String) -> LakehouseError {
    LakehouseError::Catalog(CatalogError::Unavailable { operation: OPERATION.to_owned(), reason })
}

fn say_left(table: &TableIdent, error: &LakehouseError) {
    let error = crate::error::with_sources(error);
    tracing::warn!(%table, error, "the probe table could not be removed; the next start removes it");
}
