//! An Iceberg table as a catalog keeps it: snapshots, the head, properties, and a compare-and-set on what was loaded.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{SchemaId, SequenceNumber, SnapshotId, SpecId, TableUuid, Timestamp};
use crate::lake::{CommitPlan, CreatePlan, Facts, Outcome, SnapshotFact};

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lake {
    pub(super) uuid: TableUuid,
    pub(super) format_version: u8,
    pub(super) properties: BTreeMap<String, String>,
    pub(super) schemas: BTreeSet<SchemaId>,
    /// Every snapshot that has not expired, with the locations of its live files.
    pub(super) snapshots: BTreeMap<SnapshotId, (SnapshotFact, Vec<String>)>,
    pub(super) head: Option<SnapshotId>,
    pub(super) last_sequence: i64,
    pub(super) last_updated: Timestamp,
}

impl Lake {
    /// A table that somebody else made, without a snapshot.
    pub(super) fn empty() -> Self {
        Self {
            uuid: TableUuid([9; 16]),
            format_version: 2,
            properties: BTreeMap::new(),
            schemas: BTreeSet::from([SchemaId(0)]),
            snapshots: BTreeMap::new(),
            head: None,
            last_sequence: 0,
            last_updated: Timestamp(0),
        }
    }

    pub(super) fn created(plan: &CreatePlan) -> Self {
        let mut lake = Self { properties: plan.properties.clone(), ..Self::empty() };
        lake.push(plan.snapshot, plan.at, plan.summary.clone(), Vec::new());
        lake
    }

    pub(super) fn facts(&self) -> Facts {
        let mut ancestors = Vec::new();
        let mut next = self.head;
        while let Some((snapshot, _)) = next.and_then(|id| self.snapshots.get(&id)) {
            ancestors.push(snapshot.clone());
            next = snapshot.parent;
        }
        Facts {
            uuid: self.uuid,
            format_version: self.format_version,
            last_sequence: SequenceNumber(self.last_sequence),
            last_updated: self.last_updated,
            ancestors,
            root_reached: next.is_none(),
            properties: self.properties.clone(),
            schema: self.schemas.last().copied().unwrap_or_default(),
            schemas: self.schemas.clone(),
            spec: SpecId(0),
            specs: BTreeSet::from([SpecId(0)]),
        }
    }

    /// Applies the commit if head and last sequence number are those that it was decided on.
    pub(super) fn commit(&mut self, plan: &CommitPlan, base_sequence: SequenceNumber) -> Outcome {
        if plan.base != self.head || base_sequence.0 != self.last_sequence {
            return Outcome::Conflict;
        }
        assert!(!self.snapshots.contains_key(&plan.snapshot), "snapshot {} exists already", plan.snapshot);
        assert!(plan.at > self.last_updated, "time goes on within a table");
        let mut files = self.live().to_vec();
        files.extend(plan.files.iter().map(|file| file.location.clone()));
        self.push(plan.snapshot, plan.at, plan.summary.clone(), files);
        self.properties.extend(plan.properties.clone());
        Outcome::Committed
    }

    /// Locations of the head's files.
    pub(super) fn live(&self) -> &[String] {
        self.head.and_then(|id| self.snapshots.get(&id)).map_or(&[], |(_, files)| files)
    }

    /// What kinds of own snapshots the head's history holds, oldest first; a foreign one is "-".
    pub(super) fn kinds(&self) -> Vec<String> {
        let kind = |fact: &SnapshotFact| fact.summary.get("k2i.kind").cloned().unwrap_or_else(|| "-".into());
        self.facts().ancestors.iter().rev().map(kind).collect()
    }

    /// A snapshot of somebody else's: the same files, or one more of theirs.
    pub(super) fn foreign(&mut self, id: i64, file: Option<&str>) {
        let mut files = self.live().to_vec();
        files.extend(file.map(str::to_owned));
        let at = self.last_updated.plus_ms(1);
        self.push(SnapshotId(id), at, BTreeMap::new(), files);
    }

    /// Sets `main` to the head's parent.
    pub(super) fn roll_back(&mut self) {
        self.head = self.facts().head().and_then(|head| head.parent);
    }

    /// Forgets every snapshot but the head.
    pub(super) fn expire(&mut self) {
        let head = self.head;
        self.snapshots.retain(|id, _| Some(*id) == head);
    }

    fn push(&mut self, id: SnapshotId, at: Timestamp, summary: BTreeMap<String, String>, files: Vec<String>) {
        self.last_sequence += 1;
        self.last_updated = at;
        let sequence = SequenceNumber(self.last_sequence);
        let fact = SnapshotFact { id, parent: self.head, sequence, at, summary };
        self.snapshots.insert(id, (fact, files));
        self.head = Some(id);
    }
}
