//! What the commit loop knows of a table and asks of it, as plain values.
//!
//! Avro, JSON, HTTP and the compare-and-set live in `k2i-lakehouse`; deciding lives in [`crate::core`]. These types are
//! the line between them (DESIGN section 5, protocol details "Core and shell").

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{SchemaId, SequenceNumber, SnapshotId, SpecId, TableUuid, Timestamp};
use crate::manifest::ManifestFile;

/// Prefix of every table property and snapshot summary key that K2I writes.
pub const KEY_PREFIX: &str = "k2i.";

/// One snapshot of a table's history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotFact {
    /// Its id.
    pub id: SnapshotId,
    /// The snapshot it was made on.
    pub parent: Option<SnapshotId>,
    /// Its sequence number.
    pub sequence: SequenceNumber,
    /// Its time.
    pub at: Timestamp,
    /// Its summary entries whose keys begin with [`KEY_PREFIX`].
    pub summary: BTreeMap<String, String>,
}

/// One fresh load of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The table's UUID.
    pub uuid: TableUuid,
    /// Format version, 1 to 3.
    pub format_version: u8,
    /// Highest sequence number that the table has given.
    pub last_sequence: SequenceNumber,
    /// When its metadata was last changed.
    pub last_updated: Timestamp,
    /// The head of `main` first, then its ancestors, up to the root or the first snapshot that is gone. Empty: the
    /// table has no snapshot.
    pub ancestors: Vec<SnapshotFact>,
    /// True when the walk ended at a root, false when it ended at a snapshot that expired.
    pub root_reached: bool,
    /// Every table property whose key begins with [`KEY_PREFIX`], of all clusters.
    pub properties: BTreeMap<String, String>,
    /// The current schema.
    pub schema: SchemaId,
    /// Every schema that the metadata still holds.
    pub schemas: BTreeSet<SchemaId>,
    /// The default partition spec.
    pub spec: SpecId,
    /// Every spec that the metadata still holds.
    pub specs: BTreeSet<SpecId>,
}

impl Facts {
    /// The snapshot that `main` points at.
    #[must_use]
    pub fn head(&self) -> Option<&SnapshotFact> {
        self.ancestors.first()
    }
}

/// Why a snapshot is made; stands in its summary as `k2i.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommitKind {
    /// The table and its first snapshot, in one request.
    Create,
    /// Identity and starts on a table that somebody else made.
    Claim,
    /// Files and the watermark that they reach.
    Append,
    /// Empty, with a new incarnation: no request of the life before can land after it.
    Fence,
}

impl CommitKind {
    /// The text form in the snapshot summary.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Claim => "claim",
            Self::Append => "append",
            Self::Fence => "fence",
        }
    }
}

/// One commit: snapshot, move of `main` and watermark together, asserted on the load that was validated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommitPlan {
    /// Why.
    pub kind: CommitKind,
    /// The client-chosen id of the new snapshot.
    pub snapshot: SnapshotId,
    /// Its time: `max(now, last updated + 1 ms, parent + 1 ms)`.
    pub at: Timestamp,
    /// The head that is asserted; `None` asserts that `main` has no snapshot.
    pub base: Option<SnapshotId>,
    /// Data files, in order of acceptance; empty for claims, fences and rowless ranges.
    pub files: Vec<ManifestFile>,
    /// Table properties to set in the same commit.
    pub properties: BTreeMap<String, String>,
    /// Summary entries beside those that Iceberg defines.
    pub summary: BTreeMap<String, String>,
}

/// A new table with its first, empty snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CreatePlan {
    /// The id of the first snapshot.
    pub snapshot: SnapshotId,
    /// Its time.
    pub at: Timestamp,
    /// Iceberg schema as JSON (Iceberg spec, appendix C); its ids are assigned anew.
    pub schema: String,
    /// Table properties.
    pub properties: BTreeMap<String, String>,
    /// Summary entries of the first snapshot.
    pub summary: BTreeMap<String, String>,
}

/// How a commit request ended, as far as its answer tells. Success is read from the table, never from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The catalog says that it applied.
    Committed,
    /// The catalog says that the base has moved.
    Conflict,
    /// It may have applied: a time-out, a 5xx, a broken connection.
    Unknown(String),
    /// The catalog refused it and says why.
    Rejected(String),
    /// There is no such table.
    TableGone,
}

/// How a load ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// The table as it is.
    Found(Box<Facts>),
    /// The catalog says that there is no such table.
    Missing,
    /// It could not be asked; nothing is known.
    Failed(String),
}

/// What the store says of one accepted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileCheck {
    /// There, with the size that its manifest names.
    Present,
    /// Gone, or of another size.
    Vanished,
}
