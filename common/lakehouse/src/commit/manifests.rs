//! Iceberg manifests for the files of one plan.

use std::collections::BTreeMap;

use iceberg::spec::{DataFile, ManifestFile as IcebergManifest, ManifestWriterBuilder, PartitionSpecRef, SchemaRef};
use iceberg::table::Table;
use k2i_domain::lake::CommitPlan;
use k2i_domain::manifest::ManifestFile;
use uuid::Uuid;

use super::{metadata_error, metadata_folder};
use crate::error::LakehouseError;
use crate::statistics::FileStatistics;

/// Lets the new snapshot's sequence number be inherited.
const INHERIT: i64 = -1;

/// Writes one Iceberg manifest per (spec, schema) of the plan's files; none for a plan without files.
pub(super) async fn write(
    table: &Table,
    plan: &CommitPlan,
    attempt: u32,
) -> Result<Vec<IcebergManifest>, LakehouseError> {
    let mut groups = BTreeMap::<_, Vec<&ManifestFile>>::new();
    for file in &plan.files {
        groups.entry((file.spec, file.schema)).or_default().push(file);
    }
    let prefix = format!("{}/{}-{attempt}-{}", metadata_folder(table.metadata()), plan.snapshot, Uuid::new_v4());
    let mut written = Vec::with_capacity(groups.len());
    for (index, files) in groups.into_values().enumerate() {
        written.push(write_one(table, plan, files, format!("{prefix}-m{index}.avro")).await?);
    }
    Ok(written)
}

/// `files` share spec and schema and are not empty.
async fn write_one(
    table: &Table,
    plan: &CommitPlan,
    files: Vec<&ManifestFile>,
    location: String,
) -> Result<IcebergManifest, LakehouseError> {
    let failed = |source| metadata_error(table.identifier(), "written", source);
    let (schema, spec) = referenced(table, files[0])?;
    let output = table.file_io().new_output(&location).map_err(failed)?;
    let partition_spec = spec.as_ref().clone();
    let builder = ManifestWriterBuilder::new(output, Some(plan.snapshot.0), schema.clone(), partition_spec);
    let mut writer = builder.build_v2_data();
    for file in files {
        writer.add_file(data_file(file, &schema)?, INHERIT).map_err(failed)?;
    }
    writer.write_manifest_file().await.map_err(failed)
}

fn data_file(file: &ManifestFile, schema: &SchemaRef) -> Result<DataFile, LakehouseError> {
    let statistics = FileStatistics::decode(&file.statistics).and_then(|found| found.data_file(file, schema));
    statistics.map_err(|source| LakehouseError::Statistics { location: file.location.clone(), source })
}

fn referenced(table: &Table, file: &ManifestFile) -> Result<(SchemaRef, PartitionSpecRef), LakehouseError> {
    let unknown = |what, id| LakehouseError::UnknownReference {
        location: file.location.clone(),
        what,
        id,
        table: table.identifier().to_string(),
    };
    let metadata = table.metadata();
    let schema = metadata.schema_by_id(file.schema.0).ok_or_else(|| unknown("schema", file.schema.0))?;
    let spec = metadata.partition_spec_by_id(file.spec.0).filter(|spec| spec.fields().is_empty());
    let spec = spec.ok_or_else(|| unknown("unpartitioned spec", file.spec.0))?;
    Ok((schema.clone(), spec.clone()))
}
