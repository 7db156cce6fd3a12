//! The snapshot itself: manifest list, summary, requirements and updates.

use std::collections::{BTreeMap, HashMap};

use iceberg::io::FileIO;
use iceberg::spec::{
    MAIN_BRANCH, ManifestFile as IcebergManifest, ManifestListWriter, Operation, Snapshot, Summary, TableMetadata,
};
use iceberg::table::Table;
use iceberg::{TableRequirement, TableUpdate};
use k2i_domain::ids::SnapshotId;
use k2i_domain::lake::CommitPlan;
use k2i_domain::manifest::ManifestFile;
use uuid::Uuid;

use super::metadata_error;
use crate::error::LakehouseError;

/// Where metadata files of the table go, without a trailing slash.
pub(crate) fn metadata_folder(metadata: &TableMetadata) -> String {
    match metadata.properties().get("write.metadata.path") {
        Some(path) => path.trim_end_matches('/').to_owned(),
        None => format!("{}/metadata", metadata.location()),
    }
}

/// Writes the list of the parent's manifests and the new ones, and answers its location.
pub(super) async fn write_with_parent(
    table: &Table,
    plan: &CommitPlan,
    attempt: u32,
    new: &[IcebergManifest],
) -> Result<String, LakehouseError> {
    let failed = |source| metadata_error(table.identifier(), "read", source);
    let mut manifests = Vec::new();
    if let Some(parent) = table.metadata().current_snapshot() {
        let list = table.manifest_list_reader(parent).load().await.map_err(failed)?;
        // Entries that only say what was deleted matter to the snapshot that deleted it.
        let alive = list.entries().iter().filter(|entry| entry.has_added_files() || entry.has_existing_files());
        manifests.extend(alive.cloned());
    }
    manifests.extend_from_slice(new);
    let written = write_list(table.file_io(), table.metadata(), plan.snapshot, attempt, manifests).await;
    written.map_err(|source| metadata_error(table.identifier(), "written", source))
}

/// Writes a manifest list for a snapshot on the metadata's head, and answers its location.
pub(crate) async fn write_list(
    io: &FileIO,
    metadata: &TableMetadata,
    snapshot: SnapshotId,
    attempt: u32,
    manifests: Vec<IcebergManifest>,
) -> iceberg::Result<String> {
    let location = format!("{}/snap-{snapshot}-{attempt}-{}.avro", metadata_folder(metadata), Uuid::new_v4());
    let output = io.new_output(&location)?.writer().await?;
    let (parent, sequence) = (metadata.current_snapshot_id(), metadata.next_sequence_number());
    let mut writer = ManifestListWriter::v2(output, snapshot.0, parent, sequence);
    writer.add_manifests(manifests.into_iter())?;
    writer.close().await?;
    Ok(location)
}

/// What must hold of the table for the commit to be applied: everything that was validated on this load.
pub(crate) fn requirements(metadata: &TableMetadata) -> Vec<TableRequirement> {
    vec![
        TableRequirement::UuidMatch { uuid: metadata.uuid() },
        TableRequirement::RefSnapshotIdMatch {
            r#ref: MAIN_BRANCH.to_owned(),
            snapshot_id: metadata.current_snapshot_id(),
        },
        TableRequirement::CurrentSchemaIdMatch { current_schema_id: metadata.current_schema_id() },
        TableRequirement::DefaultSpecIdMatch { default_spec_id: metadata.default_partition_spec_id() },
    ]
}

/// The snapshot, the move of `main` (which keeps its retention settings) and the properties.
pub(super) fn updates(table: &Table, plan: &CommitPlan, list: String) -> Result<Vec<TableUpdate>, LakehouseError> {
    let metadata = table.metadata();
    let parent = metadata.current_snapshot();
    let entries = summary(&plan.summary, parent.map(|parent| parent.summary()), Added::of(&plan.files));
    let snapshot = Snapshot::builder()
        .with_snapshot_id(plan.snapshot.0)
        .with_parent_snapshot_id(metadata.current_snapshot_id())
        .with_sequence_number(metadata.next_sequence_number())
        .with_timestamp_ms(plan.at.0)
        .with_manifest_list(list)
        .with_summary(entries)
        .with_schema_id(metadata.current_schema_id())
        .build();
    let properties: HashMap<_, _> = plan.properties.clone().into_iter().collect();
    let built = metadata
        .clone()
        .into_builder(None)
        .set_branch_snapshot(snapshot, MAIN_BRANCH)
        .and_then(|builder| builder.set_properties(properties))
        .and_then(|builder| builder.build());
    Ok(built.map_err(|source| metadata_error(table.identifier(), "built", source))?.changes)
}

/// What a snapshot adds to its table.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Added {
    files: u64,
    records: u64,
    bytes: u64,
}

impl Added {
    fn of(files: &[ManifestFile]) -> Self {
        Self {
            files: files.len() as u64,
            records: files.iter().map(|file| file.rows).sum(),
            bytes: files.iter().map(|file| file.bytes).sum(),
        }
    }
}

/// Our own entries with the counts that Iceberg defines (spec, appendix F): `added-*` of this snapshot, and `total-*`
/// carried on from the parent. A total that the parent does not know stays unknown.
pub(super) fn summary(own: &BTreeMap<String, String>, parent: Option<&Summary>, added: Added) -> Summary {
    let mut entries: HashMap<String, String> = own.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    entries.insert("engine-name".to_owned(), "k2i".to_owned());
    entries.insert("engine-version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let counts = [("data-files", added.files), ("records", added.records), ("files-size", added.bytes)];
    for (name, count) in counts {
        if count > 0 {
            entries.insert(format!("added-{name}"), count.to_string());
        }
    }
    entries.insert("changed-partition-count".to_owned(), u64::from(added.files > 0).to_string());
    let untouched = [("delete-files", 0), ("position-deletes", 0), ("equality-deletes", 0)];
    for (name, count) in counts.into_iter().chain(untouched) {
        let key = format!("total-{name}");
        let before = match parent {
            None => Some(0),
            Some(parent) => parent.additional_properties.get(&key).and_then(|total| total.parse::<u64>().ok()),
        };
        if let Some(total) = before.and_then(|before| before.checked_add(count)) {
            entries.insert(key, total.to_string());
        }
    }
    Summary { operation: Operation::Append, additional_properties: entries }
}
