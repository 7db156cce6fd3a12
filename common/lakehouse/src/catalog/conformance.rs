//! What every catalog backend must do, run against the fake and against each real one.
//!
//! Each case uses a table of its own in the given namespace, which must be new or empty, and panics with the case's own
//! words when the backend fails it. [`Pair`] is for two clients of one catalog, of which one may be somebody else's
//! implementation.

mod pair;

use std::collections::HashMap;

use iceberg::spec::{MAIN_BRANCH, Operation, Snapshot, Summary, TableMetadata};
use iceberg::{NamespaceIdent, TableIdent, TableRequirement, TableUpdate};
use k2i_domain::ids::SnapshotId;
use k2i_domain::lake::Outcome;

pub use self::pair::Pair;
use super::probe::{PROBE_TABLE, Probe};
use super::{CatalogBackend, CatalogError, Draft, LoadedTable, ProbeVerdict};
use crate::commit::write_list;
use crate::schema::{Column, ColumnType, schema_of};
use crate::storage::Store;

/// A backend under test and where its tables may go.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    /// The backend.
    pub backend: &'a dyn CatalogBackend,
    /// The stores that its warehouse lies in.
    pub store: &'a Store,
    /// A namespace for the suite alone.
    pub namespace: &'a str,
}

impl Suite<'_> {
    /// Runs every case.
    ///
    /// # Panics
    /// When the backend fails one.
    pub async fn run(&self) {
        self.namespaces_are_made_once().await;
        self.a_table_that_is_not_there_is_none().await;
        self.staging_creates_nothing().await;
        self.a_table_is_created_once_with_its_first_snapshot().await;
        self.of_two_creations_one_wins().await;
        self.a_commit_moves_the_head_and_sets_properties().await;
        self.a_stale_base_is_refused().await;
        self.another_uuid_is_refused().await;
        self.of_two_first_appends_one_wins().await;
        self.a_table_that_is_gone_is_said_to_be().await;
        self.a_probe_shows_it_and_is_removed().await;
    }

    /// Making a namespace twice is no error, and asking makes none.
    ///
    /// # Panics
    /// When it is, or does.
    pub async fn namespaces_are_made_once(&self) {
        let namespace = NamespaceIdent::new(self.namespace.to_owned());
        for _ in 0..2 {
            self.backend.ensure_namespace(&namespace).await.expect("a namespace can be ensured");
        }
        assert_ne!(self.has(self.namespace).await, Some(false), "a namespace that was made is not there");
        for _ in 0..2 {
            assert_ne!(self.has("never_was").await, Some(true), "a namespace that never was is there");
        }
    }

    async fn has(&self, namespace: &str) -> Option<bool> {
        let namespace = NamespaceIdent::new(namespace.to_owned());
        self.backend.namespace_exists(&namespace).await.expect("a namespace can be asked for")
    }

    /// A table that never was is `None`, not an error.
    ///
    /// # Panics
    /// When it is not.
    pub async fn a_table_that_is_not_there_is_none(&self) {
        assert!(self.try_load("never_was").await.is_none(), "a table that never was is loaded");
    }

    /// A staged table does not exist.
    ///
    /// # Panics
    /// When it does.
    pub async fn staging_creates_nothing(&self) {
        let staged = self.stage("staged").await;
        assert!(!staged.location().is_empty(), "a staged table has no location");
        assert_eq!(staged.properties().get("suite").map(String::as_str), Some("staged"));
        assert!(self.try_load("staged").await.is_none(), "staging a table creates it");
    }

    /// Table, snapshot and properties come into being together, and only once.
    ///
    /// # Panics
    /// When they do not.
    pub async fn a_table_is_created_once_with_its_first_snapshot(&self) {
        let staged = self.stage("created").await;
        let first = self.with_snapshot(staged, 11).await;
        let uuid = first.uuid();
        assert_eq!(self.backend.create(&self.ident("created"), first).await, Outcome::Committed);
        let loaded = self.load("created").await;
        assert_eq!(loaded.metadata.uuid(), uuid, "the table has another uuid than was asked for");
        assert_eq!(loaded.metadata.current_snapshot_id(), Some(11), "the first snapshot is missing");
        assert_eq!(loaded.metadata.properties().get("suite").map(String::as_str), Some("created"));
        assert_eq!(loaded.metadata.last_sequence_number(), 1);
        match self.backend.stage(&self.ident("created"), draft("created")).await {
            Err(CatalogError::Exists { .. }) => {}
            Ok(staged) => {
                let second = self.with_snapshot(staged, 12).await;
                assert_eq!(self.backend.create(&self.ident("created"), second).await, Outcome::Conflict);
            }
            Err(error) => panic!("staging a table that exists fails otherwise: {error}"),
        }
        assert_eq!(self.load("created").await.metadata.current_snapshot_id(), Some(11));
    }

    /// Both staged while the name was free.
    ///
    /// # Panics
    /// When both win or none.
    pub async fn of_two_creations_one_wins(&self) {
        let (first, second) = (self.stage("contested").await, self.stage("contested").await);
        let (first, second) = (self.with_snapshot(first, 21).await, self.with_snapshot(second, 22).await);
        assert_eq!(self.backend.create(&self.ident("contested"), first).await, Outcome::Committed);
        assert_eq!(self.backend.create(&self.ident("contested"), second).await, Outcome::Conflict);
        assert_eq!(self.load("contested").await.metadata.current_snapshot_id(), Some(21));
    }

    /// Snapshot and properties land in one commit; what is there already stays.
    ///
    /// # Panics
    /// When they do not.
    pub async fn a_commit_moves_the_head_and_sets_properties(&self) {
        let base = self.created("moved", 31).await;
        assert_eq!(self.append(&base, 32, &[("a", "1"), ("b", "1")]).await, Outcome::Committed);
        let base = self.load("moved").await;
        assert_eq!(base.metadata.current_snapshot_id(), Some(32));
        assert_eq!(self.append(&base, 33, &[("b", "2")]).await, Outcome::Committed);
        let loaded = self.load("moved").await;
        let head = loaded.metadata.current_snapshot().expect("a head");
        assert_eq!((head.snapshot_id(), head.parent_snapshot_id()), (33, Some(32)));
        assert_eq!(head.summary().additional_properties.get("note").map(String::as_str), Some("33"));
        let property = |key: &str| loaded.metadata.properties().get(key).map(String::as_str);
        assert_eq!((property("suite"), property("a"), property("b")), (Some("moved"), Some("1"), Some("2")));
        assert!(loaded.metadata.snapshot_by_id(31).is_some(), "the first snapshot is gone");
    }

    /// The heart of it: a commit on a base that has moved changes nothing.
    ///
    /// # Panics
    /// When it does.
    pub async fn a_stale_base_is_refused(&self) {
        let base = self.created("stale", 41).await;
        assert_eq!(self.append(&base, 42, &[("winner", "42")]).await, Outcome::Committed);
        assert_eq!(self.append(&base, 43, &[("winner", "43")]).await, Outcome::Conflict);
        let loaded = self.load("stale").await;
        assert_eq!(loaded.metadata.current_snapshot_id(), Some(42));
        assert_eq!(loaded.metadata.properties().get("winner").map(String::as_str), Some("42"));
        assert!(loaded.metadata.snapshot_by_id(43).is_none(), "a refused snapshot is in the table");
    }

    /// A table of the same name that is another table.
    ///
    /// # Panics
    /// When the commit is applied to it.
    pub async fn another_uuid_is_refused(&self) {
        let base = self.created("other", 51).await;
        let (mut requirements, updates) = self.request(&base, 52, &[]).await;
        requirements[0] = TableRequirement::UuidMatch { uuid: uuid::Uuid::new_v4() };
        let outcome = self.backend.commit(&base, requirements, updates).await;
        assert!(matches!(outcome, Outcome::Conflict | Outcome::Rejected(_)), "{outcome:?}");
        assert_eq!(self.load("other").await.metadata.current_snapshot_id(), Some(51));
    }

    /// On a table without snapshots a first append asserts that `main` does not exist. (Nessie 0.99 fails this one.)
    ///
    /// # Panics
    /// When both win or none.
    pub async fn of_two_first_appends_one_wins(&self) {
        let staged = self.stage("empty").await;
        assert_eq!(self.backend.create(&self.ident("empty"), staged).await, Outcome::Committed);
        let base = self.load("empty").await;
        assert_eq!(base.metadata.current_snapshot_id(), None);
        assert_eq!(self.append(&base, 61, &[]).await, Outcome::Committed);
        assert_eq!(self.append(&base, 62, &[]).await, Outcome::Conflict);
        assert_eq!(self.load("empty").await.metadata.current_snapshot_id(), Some(61));
    }

    /// A commit to a table that no longer has a name.
    ///
    /// # Panics
    /// When the answer is anything but that.
    pub async fn a_table_that_is_gone_is_said_to_be(&self) {
        let mut base = self.created("remaining", 71).await;
        base.ident = self.ident("gone");
        assert_eq!(self.append(&base, 72, &[]).await, Outcome::TableGone);
    }

    /// What is asked at the first contact has the right answer, and leaves nothing.
    ///
    /// # Panics
    /// When it has another, or the probe table stays.
    pub async fn a_probe_shows_it_and_is_removed(&self) {
        let namespace = NamespaceIdent::new(self.namespace.to_owned());
        let probe = Probe { backend: self.backend, store: self.store, namespace: &namespace };
        assert_eq!(probe.run().await.expect("a catalog can be probed"), ProbeVerdict::Refuses);
        assert!(self.try_load(PROBE_TABLE).await.is_none(), "the probe table stays");
    }

    fn ident(&self, name: &str) -> TableIdent {
        TableIdent::new(NamespaceIdent::new(self.namespace.to_owned()), name.to_owned())
    }

    async fn stage(&self, name: &str) -> TableMetadata {
        self.backend.stage(&self.ident(name), draft(name)).await.expect("a table can be staged")
    }

    async fn try_load(&self, name: &str) -> Option<LoadedTable> {
        self.backend.load(&self.ident(name)).await.expect("a table can be asked for")
    }

    async fn load(&self, name: &str) -> LoadedTable {
        self.try_load(name).await.expect("the table exists")
    }

    async fn created(&self, name: &str, snapshot: i64) -> LoadedTable {
        let staged = self.stage(name).await;
        let first = self.with_snapshot(staged, snapshot).await;
        assert_eq!(self.backend.create(&self.ident(name), first).await, Outcome::Committed);
        self.load(name).await
    }

    async fn append(&self, base: &LoadedTable, snapshot: i64, properties: &[(&str, &str)]) -> Outcome {
        let (requirements, updates) = self.request(base, snapshot, properties).await;
        self.backend.commit(base, requirements, updates).await
    }

    async fn request(
        &self,
        base: &LoadedTable,
        snapshot: i64,
        properties: &[(&str, &str)],
    ) -> (Vec<TableRequirement>, Vec<TableUpdate>) {
        let metadata = &base.metadata;
        let requirements = vec![
            TableRequirement::UuidMatch { uuid: metadata.uuid() },
            TableRequirement::RefSnapshotIdMatch {
                r#ref: MAIN_BRANCH.to_owned(),
                snapshot_id: metadata.current_snapshot_id(),
            },
        ];
        let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let snapshot = self.snapshot(metadata, snapshot).await;
        let built = metadata.as_ref().clone().into_builder(None).set_branch_snapshot(snapshot, MAIN_BRANCH);
        let built = built.and_then(|builder| builder.set_properties(properties.collect()));
        let built = built.and_then(|builder| builder.build()).expect("the snapshot fits the table");
        (requirements, built.changes)
    }

    async fn with_snapshot(&self, staged: TableMetadata, snapshot: i64) -> TableMetadata {
        let snapshot = self.snapshot(&staged, snapshot).await;
        let built = staged.into_builder(None).set_branch_snapshot(snapshot, MAIN_BRANCH);
        built.and_then(|builder| builder.build()).expect("the snapshot fits the table").metadata
    }

    async fn snapshot(&self, metadata: &TableMetadata, id: i64) -> Snapshot {
        let list = write_list(&self.store.file_io(), metadata, SnapshotId(id), 0, Vec::new()).await;
        let summary = Summary {
            operation: Operation::Append,
            additional_properties: HashMap::from([("note".to_owned(), id.to_string())]),
        };
        Snapshot::builder()
            .with_snapshot_id(id)
            .with_parent_snapshot_id(metadata.current_snapshot_id())
            .with_sequence_number(metadata.next_sequence_number())
            .with_timestamp_ms(metadata.last_updated_ms() + 1)
            .with_manifest_list(list.expect("a manifest list can be written"))
            .with_summary(summary)
            .with_schema_id(metadata.current_schema_id())
            .build()
    }
}

fn draft(name: &str) -> Draft {
    let columns = [Column::optional("id", ColumnType::Long), Column::optional("name", ColumnType::String)];
    Draft {
        schema: schema_of(&columns).expect("a plain schema"),
        properties: HashMap::from([("suite".to_owned(), name.to_owned())]),
    }
}
