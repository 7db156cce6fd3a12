//! What a worker needs to know of the table that it writes files for.

use std::collections::BTreeMap;

use iceberg::TableIdent;
use iceberg::spec::{SchemaRef, TableMetadata};
use k2i_domain::ids::{SchemaId, SpecId, TableUuid};

use super::Lakehouse;
use crate::error::LakehouseError;
use crate::properties::WriteProperties;
use crate::schema::{Unwritable, writable};

/// A table as the target of data files.
#[derive(Debug, Clone)]
pub struct TargetTable {
    /// Its UUID: a table that was dropped and made again is another one.
    pub uuid: TableUuid,
    /// Its location.
    pub location: String,
    /// Folder of its data files, without a trailing slash.
    pub data_location: String,
    /// Its current schema, with field ids.
    pub schema: SchemaRef,
    /// Id of that schema.
    pub schema_id: SchemaId,
    /// Id of its default partition spec.
    pub spec_id: SpecId,
    /// All its properties.
    pub properties: BTreeMap<String, String>,
    /// What it asks of its writers, or why this version cannot write it at all.
    pub writable: Result<WriteProperties, Unwritable>,
}

impl Lakehouse {
    /// Loads the table as a target of files; `None` when there is no such table.
    ///
    /// # Errors
    /// When the catalog could not be asked, or the metadata cannot be read.
    pub async fn open_table(&self, table: &TableIdent) -> Result<Option<TargetTable>, LakehouseError> {
        let loaded = self.backend.load(table).await?;
        Ok(loaded.map(|loaded| target(&loaded.metadata)))
    }
}

fn target(metadata: &TableMetadata) -> TargetTable {
    let properties: BTreeMap<String, String> =
        metadata.properties().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let wishes = || WriteProperties::of(&properties).map_err(Unwritable::from);
    TargetTable {
        writable: writable(metadata).and_then(|()| wishes()),
        uuid: TableUuid(metadata.uuid().into_bytes()),
        location: metadata.location().to_owned(),
        data_location: data_location(metadata),
        schema: metadata.current_schema().clone(),
        schema_id: SchemaId(metadata.current_schema_id()),
        spec_id: SpecId(metadata.default_partition_spec_id()),
        properties,
    }
}

/// As Iceberg's Java `LocationProviders` has it; the later properties are older names of the first.
fn data_location(metadata: &TableMetadata) -> String {
    let property = |name: &str| metadata.properties().get(name);
    let hashed = property("write.object-storage.enabled").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let for_hashed = || property("write.object-storage.path").filter(|_| hashed);
    match property("write.data.path").or_else(for_hashed).or_else(|| property("write.folder-storage.path")) {
        Some(path) => path.trim_end_matches('/').to_owned(),
        None => format!("{}/data", metadata.location()),
    }
}
