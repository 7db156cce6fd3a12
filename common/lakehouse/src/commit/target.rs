//! What a worker needs to know of the table that it writes files for.

use std::collections::BTreeMap;

use iceberg::TableIdent;
use iceberg::spec::{SchemaRef, TableMetadata};
use k2i_domain::ids::{SchemaId, SpecId, TableUuid};

use super::Lakehouse;
use crate::error::LakehouseError;
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
    /// Whether this version can write it at all.
    pub writable: Result<(), Unwritable>,
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
    TargetTable {
        uuid: TableUuid(metadata.uuid().into_bytes()),
        location: metadata.location().to_owned(),
        data_location: data_location(metadata),
        schema: metadata.current_schema().clone(),
        schema_id: SchemaId(metadata.current_schema_id()),
        spec_id: SpecId(metadata.default_partition_spec_id()),
        properties: metadata.properties().iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        writable: writable(metadata),
    }
}

/// As Iceberg's Java `LocationProviders` has it; the second property is an older name of the first.
fn data_location(metadata: &TableMetadata) -> String {
    let properties = metadata.properties();
    let configured = properties.get("write.data.path").or_else(|| properties.get("write.folder-storage.path"));
    match configured {
        Some(path) => path.trim_end_matches('/').to_owned(),
        None => format!("{}/data", metadata.location()),
    }
}
