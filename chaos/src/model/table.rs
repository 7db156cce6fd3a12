//! The Iceberg table of the model, with what nobody else can see: which rows each file really holds.
//!
//! It applies a commit if head and last sequence number are those that the commit was decided on, as format version 2
//! and an atomic compare-and-set give it. Times are all the same: the model has no use for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k2i_domain::ids::{SchemaId, SequenceNumber, SnapshotId, SpecId, TableUuid, Timestamp};
use k2i_domain::lake::{CommitPlan, CreatePlan, Facts, Outcome, SnapshotFact};
use k2i_domain::property::Property;

use super::{CLUSTER, PARTITIONS};

/// Index into [`super::world::World::files`].
pub type FileId = usize;

/// A row: topic partition and offset.
pub type Row = (usize, i64);

/// A data file, whether or not a table names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct File {
    /// The rows that it really holds.
    pub rows: Vec<Row>,
    /// False once it is gone from the store.
    pub stored: bool,
}

/// One snapshot. Expired ones stay, so that the checks know the whole history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// What a load shows of it.
    pub fact: SnapshotFact,
    /// Its live files.
    pub files: Vec<FileId>,
    /// True when no load shows it any more.
    pub expired: bool,
}

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Table {
    /// In order of their making.
    pub snapshots: Vec<Arc<Snapshot>>,
    /// Index of the snapshot that `main` points at.
    pub head: usize,
    /// Table properties.
    pub properties: BTreeMap<String, String>,
}

impl Table {
    /// A table made by a create request.
    #[must_use]
    pub fn created(plan: &CreatePlan) -> Self {
        let fact = SnapshotFact {
            id: plan.snapshot,
            parent: None,
            sequence: SequenceNumber(1),
            at: Timestamp(0),
            summary: plan.summary.clone(),
        };
        let first = Snapshot { fact, files: Vec::new(), expired: false };
        Self { snapshots: vec![Arc::new(first)], head: 0, properties: plan.properties.clone() }
    }

    /// The highest sequence number given: every snapshot gets the next one.
    #[must_use]
    pub fn last_sequence(&self) -> i64 {
        i64::try_from(self.snapshots.len()).unwrap_or(i64::MAX)
    }

    /// Applies the commit, or says that its base has moved.
    pub fn commit(&mut self, plan: &CommitPlan, base_sequence: i64, files: &[FileId]) -> Outcome {
        if plan.base != Some(self.head().fact.id) || base_sequence != self.last_sequence() {
            return Outcome::Conflict;
        }
        let mut live = self.head().files.clone();
        live.extend(files);
        self.push(plan.snapshot, plan.summary.clone(), live);
        self.properties.extend(plan.properties.clone());
        Outcome::Committed
    }

    /// Makes a snapshot on the head and moves `main` to it.
    pub fn push(&mut self, id: SnapshotId, summary: BTreeMap<String, String>, mut files: Vec<FileId>) {
        files.sort_unstable();
        let parent = Some(self.head().fact.id);
        let sequence = SequenceNumber(self.last_sequence() + 1);
        let fact = SnapshotFact { id, parent, sequence, at: Timestamp(0), summary };
        self.snapshots.push(Arc::new(Snapshot { fact, files, expired: false }));
        self.head = self.snapshots.len() - 1;
    }

    /// The snapshot that `main` points at.
    #[must_use]
    pub fn head(&self) -> &Snapshot {
        &self.snapshots[self.head]
    }

    /// Forgets every snapshot but the head.
    pub fn expire(&mut self) {
        let head = self.head;
        let others = self.snapshots.iter_mut().enumerate().filter(|(index, _)| *index != head);
        others.for_each(|(_, snapshot)| Arc::make_mut(snapshot).expired = true);
    }

    /// What a load shows.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut ancestors = Vec::new();
        let mut root_reached = true;
        for snapshot in self.history() {
            if snapshot.expired {
                root_reached = false;
                break;
            }
            ancestors.push(snapshot.fact.clone());
        }
        Facts {
            uuid: TableUuid([1; 16]),
            format_version: 2,
            last_sequence: SequenceNumber(self.last_sequence()),
            last_updated: Timestamp(0),
            ancestors,
            root_reached,
            properties: self.properties.clone(),
            schema: SchemaId(0),
            schemas: BTreeSet::from([SchemaId(0)]),
            spec: SpecId(0),
            specs: BTreeSet::from([SpecId(0)]),
        }
    }

    /// The head and its ancestors, expired or not.
    fn history(&self) -> impl Iterator<Item = &Snapshot> {
        let find = |id: SnapshotId| self.snapshots.iter().map(Arc::as_ref).find(move |snapshot| snapshot.fact.id == id);
        std::iter::successors(Some(self.head()), move |snapshot| snapshot.fact.parent.and_then(find))
    }

    /// The property of the cluster name, whoever set it.
    #[must_use]
    pub fn property(&self) -> Option<Property> {
        Property::parse(CLUSTER, &self.properties).ok().flatten()
    }

    /// Next offset of each topic partition by the property, if its snapshot is in the head's history: otherwise
    /// somebody set `main` back, and the property says nothing of the head.
    #[must_use]
    pub fn watermark(&self) -> Option<[i64; PARTITIONS]> {
        let property = self.property()?;
        self.history().find(|snapshot| snapshot.fact.id == property.snapshot)?;
        let mut ends = [0; PARTITIONS];
        for (key, mark) in &property.watermark {
            ends[usize::try_from(key.partition.0).ok()?] = mark.offset.0;
        }
        Some(ends)
    }

    /// Every row of the head, as often as it is there, in order.
    #[must_use]
    pub fn rows(&self, files: &[Arc<File>]) -> Vec<Row> {
        let mut rows: Vec<Row> = self.head().files.iter().flat_map(|file| &files[*file].rows).copied().collect();
        rows.sort_unstable();
        rows
    }

    /// Files that a snapshot names which can still be loaded.
    #[must_use]
    pub fn referenced(&self) -> BTreeSet<FileId> {
        let loadable = self.snapshots.iter().filter(|snapshot| !snapshot.expired);
        loadable.flat_map(|snapshot| snapshot.files.iter().copied()).collect()
    }
}
