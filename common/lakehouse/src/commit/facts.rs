//! Table metadata as the plain facts that the commit loop decides on.

use std::collections::BTreeMap;

use iceberg::spec::{FormatVersion, Snapshot, TableMetadata};
use k2i_domain::ids::{SchemaId, SequenceNumber, SnapshotId, SpecId, TableUuid, Timestamp};
use k2i_domain::lake::{Facts, KEY_PREFIX, SnapshotFact};

/// The facts of one load.
pub(super) fn facts(metadata: &TableMetadata) -> Facts {
    let (ancestors, root_reached) = ancestors(metadata);
    Facts {
        uuid: TableUuid(metadata.uuid().into_bytes()),
        format_version: format_version(metadata.format_version()),
        last_sequence: SequenceNumber(metadata.last_sequence_number()),
        last_updated: Timestamp(metadata.last_updated_ms()),
        ancestors,
        root_reached,
        properties: own(metadata.properties()),
        schema: SchemaId(metadata.current_schema_id()),
        schemas: metadata.schemas_iter().map(|schema| SchemaId(schema.schema_id())).collect(),
        spec: SpecId(metadata.default_partition_spec_id()),
        specs: metadata.partition_specs_iter().map(|spec| SpecId(spec.spec_id())).collect(),
    }
}

pub(crate) fn format_version(version: FormatVersion) -> u8 {
    match version {
        FormatVersion::V1 => 1,
        FormatVersion::V2 => 2,
        FormatVersion::V3 => 3,
    }
}

/// From the head to the root, or to the last snapshot before one that is gone.
fn ancestors(metadata: &TableMetadata) -> (Vec<SnapshotFact>, bool) {
    let mut found = Vec::new();
    let mut next = metadata.current_snapshot();
    while let Some(snapshot) = next {
        found.push(fact(snapshot));
        let Some(parent) = snapshot.parent_snapshot_id() else { return (found, true) };
        // Metadata whose parents form a ring is broken; it is cut where it repeats.
        next = metadata.snapshot_by_id(parent).filter(|_| found.len() < metadata.snapshots().len());
    }
    let empty = found.is_empty();
    (found, empty)
}

fn fact(snapshot: &Snapshot) -> SnapshotFact {
    SnapshotFact {
        id: SnapshotId(snapshot.snapshot_id()),
        parent: snapshot.parent_snapshot_id().map(SnapshotId),
        sequence: SequenceNumber(snapshot.sequence_number()),
        at: Timestamp(snapshot.timestamp_ms()),
        summary: own(&snapshot.summary().additional_properties),
    }
}

fn own<'a>(entries: impl IntoIterator<Item = (&'a String, &'a String)>) -> BTreeMap<String, String> {
    let own = entries.into_iter().filter(|(key, _)| key.starts_with(KEY_PREFIX));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}
