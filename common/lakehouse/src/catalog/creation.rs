//! A new table as the list of updates that makes it from nothing, the form that REST catalogs want.

use iceberg::TableUpdate;
use iceberg::spec::{MAIN_BRANCH, SnapshotReference, SnapshotRetention, TableMetadata, TableMetadataBuilder};

/// The updates that build `metadata` on an empty table: identity and format first, then schema, spec, order, location,
/// properties and the first snapshot. `metadata` is that of a staged table: one schema, one spec, one order, at most the
/// one snapshot that `main` points at.
#[must_use]
pub fn creation_updates(metadata: &TableMetadata) -> Vec<TableUpdate> {
    let last = TableMetadataBuilder::LAST_ADDED;
    let mut updates = vec![
        TableUpdate::AssignUuid { uuid: metadata.uuid() },
        TableUpdate::UpgradeFormatVersion { format_version: metadata.format_version() },
        TableUpdate::AddSchema { schema: metadata.current_schema().as_ref().clone() },
        TableUpdate::SetCurrentSchema { schema_id: last },
        TableUpdate::AddSpec { spec: metadata.default_partition_spec().as_ref().clone().into_unbound() },
        TableUpdate::SetDefaultSpec { spec_id: last },
        TableUpdate::AddSortOrder { sort_order: metadata.default_sort_order().as_ref().clone() },
        TableUpdate::SetDefaultSortOrder { sort_order_id: i64::from(last) },
        TableUpdate::SetLocation { location: metadata.location().to_owned() },
        TableUpdate::SetProperties { updates: metadata.properties().clone() },
    ];
    if let Some(snapshot) = metadata.current_snapshot() {
        let retention = SnapshotRetention::branch(None, None, None);
        updates.push(TableUpdate::AddSnapshot { snapshot: snapshot.as_ref().clone() });
        updates.push(TableUpdate::SetSnapshotRef {
            ref_name: MAIN_BRANCH.to_owned(),
            reference: SnapshotReference::new(snapshot.snapshot_id(), retention),
        });
    }
    updates
}
