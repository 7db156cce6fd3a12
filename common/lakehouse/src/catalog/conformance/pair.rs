//! Two clients of one catalog: what one of them does, the other sees, and neither overwrites the other's commit.

use k2i_domain::lake::Outcome;

use super::Suite;
use crate::catalog::{CatalogBackend, CatalogError};
use crate::storage::Store;

/// Two backends on one catalog.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// One client.
    pub here: &'a dyn CatalogBackend,
    /// The other.
    pub there: &'a dyn CatalogBackend,
    /// The stores that the warehouse lies in.
    pub store: &'a Store,
    /// Begins the names of the two namespaces for these cases alone.
    pub namespace: &'a str,
}

/// One direction: `first` makes and begins, `second` follows.
struct Direction<'a> {
    first: Suite<'a>,
    second: Suite<'a>,
}

impl Pair<'_> {
    /// Runs every case in both directions.
    ///
    /// # Panics
    /// When the two disagree.
    pub async fn run(&self) {
        for (first, second, direction) in [(self.here, self.there, "here"), (self.there, self.here, "there")] {
            let namespace = format!("{}_{direction}", self.namespace);
            let suite = |backend| Suite { backend, store: self.store, namespace: &namespace };
            let direction = Direction { first: suite(first), second: suite(second) };
            direction.a_namespace_and_a_table_of_one_are_there_for_the_other().await;
            direction.commits_of_one_are_the_other_s_base().await;
            direction.a_base_that_the_other_has_moved_is_refused().await;
        }
    }
}

impl Direction<'_> {
    async fn a_namespace_and_a_table_of_one_are_there_for_the_other(&self) {
        self.first.namespaces_are_made_once().await;
        let made = self.first.created("made", 11).await;
        let found = self.second.load("made").await;
        assert_eq!(found.metadata.uuid(), made.metadata.uuid(), "another table");
        assert_eq!(found.metadata.location(), made.metadata.location());
        assert_eq!(found.metadata.current_snapshot_id(), Some(11));
        assert_eq!(found.metadata.current_schema(), made.metadata.current_schema());
        assert_eq!(found.metadata_location, made.metadata_location, "another metadata file");
        // The namespace is there without having been asked for, and the name in it is taken.
        self.second.stage("free").await;
        match self.second.backend.stage(&self.second.ident("made"), super::draft("made")).await {
            Err(CatalogError::Exists { .. }) => {}
            other => panic!("the name of the other's table is free: {other:?}"),
        }
    }

    async fn commits_of_one_are_the_other_s_base(&self) {
        let base = self.first.created("shared", 21).await;
        assert_eq!(self.first.append(&base, 22, &[("by", "first")]).await, Outcome::Committed);
        for (writer, reader, snapshot, by) in
            [(&self.second, &self.first, 23, "second"), (&self.first, &self.second, 24, "first again")]
        {
            let base = writer.load("shared").await;
            assert_eq!(base.metadata.current_snapshot_id(), Some(snapshot - 1), "the other's commit is not the base");
            assert_eq!(writer.append(&base, snapshot, &[("by", by)]).await, Outcome::Committed);
            let seen = reader.load("shared").await;
            assert_eq!(seen.metadata.current_snapshot_id(), Some(snapshot));
            assert_eq!(seen.metadata.properties().get("by").map(String::as_str), Some(by));
            let head = seen.metadata.current_snapshot().expect("a head");
            assert_eq!(head.parent_snapshot_id(), Some(snapshot - 1));
            assert_eq!(head.summary().additional_properties.get("note"), Some(&snapshot.to_string()));
        }
        let seen = self.second.load("shared").await;
        for snapshot in 21..=24 {
            assert!(seen.metadata.snapshot_by_id(snapshot).is_some(), "snapshot {snapshot} is gone");
        }
    }

    async fn a_base_that_the_other_has_moved_is_refused(&self) {
        self.first.created("contested_base", 31).await;
        let (first, second) = (self.first.load("contested_base").await, self.second.load("contested_base").await);
        assert_eq!(self.second.append(&second, 32, &[("winner", "second")]).await, Outcome::Committed);
        assert_eq!(self.first.append(&first, 33, &[("winner", "first")]).await, Outcome::Conflict);
        for reader in [&self.first, &self.second] {
            let seen = reader.load("contested_base").await;
            assert_eq!(seen.metadata.current_snapshot_id(), Some(32));
            assert_eq!(seen.metadata.properties().get("winner").map(String::as_str), Some("second"));
        }
    }
}
