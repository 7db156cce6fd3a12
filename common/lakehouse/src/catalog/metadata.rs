//! Metadata files of catalogs that store nothing but a pointer to them.

use std::str::FromStr;

use iceberg::spec::{FormatVersion, SortOrder, TableMetadata, TableMetadataBuilder, UnboundPartitionSpec};
use iceberg::{MetadataLocation, TableIdent, TableRequirement, TableUpdate};

use super::{CatalogError, Draft, LoadedTable};
use crate::storage::Store;

/// The metadata of a new, unpartitioned, unsorted table of format version 2.
pub(super) fn new_metadata(table: &TableIdent, draft: Draft, location: String) -> Result<TableMetadata, CatalogError> {
    let spec = UnboundPartitionSpec::builder().build();
    let Draft { schema, properties } = draft;
    let built = TableMetadataBuilder::new(
        schema,
        spec,
        SortOrder::unsorted_order(),
        location.clone(),
        FormatVersion::V2,
        properties,
    )
    .and_then(TableMetadataBuilder::build);
    let built = built.map_err(|source| error(table, &location, "built", source))?;
    Ok(built.metadata)
}

/// `<warehouse>/<namespace>/<table>`.
pub(super) fn table_location(warehouse: &str, table: &TableIdent) -> String {
    format!("{warehouse}/{}/{}", table.namespace.join("."), table.name)
}

pub(super) async fn read(store: &Store, table: &TableIdent, location: &str) -> Result<TableMetadata, CatalogError> {
    let read = TableMetadata::read_from(&store.file_io(), location).await;
    read.map_err(|source| error(table, location, "read", source))
}

/// Writes the first metadata file of a table and answers its location.
pub(super) async fn write_first(
    store: &Store,
    table: &TableIdent,
    metadata: &TableMetadata,
) -> Result<String, CatalogError> {
    let location = MetadataLocation::new_with_metadata(metadata.location(), metadata);
    write(store, table, metadata, &location).await
}

/// Writes the metadata file that follows the base's and answers its location.
pub(super) async fn write_next(
    store: &Store,
    base: &LoadedTable,
    metadata: &TableMetadata,
) -> Result<String, CatalogError> {
    // Other writers' names may not carry a version; the number is for people only, the name's UUID makes it unique.
    let current = base.metadata_location.as_deref().and_then(|name| MetadataLocation::from_str(name).ok());
    let current = current.unwrap_or_else(|| MetadataLocation::new_with_metadata(metadata.location(), metadata));
    write(store, &base.ident, metadata, &current.with_next_version().with_new_metadata(metadata)).await
}

async fn write(
    store: &Store,
    table: &TableIdent,
    metadata: &TableMetadata,
    location: &MetadataLocation,
) -> Result<String, CatalogError> {
    let name = location.to_string();
    let written = metadata.write_to(&store.file_io(), location).await;
    written.map_err(|source| error(table, &name, "written", source))?;
    Ok(name)
}

/// Checks the requirements against the base and applies the updates to it.
///
/// # Errors
/// An error of kind `CatalogCommitConflicts` when a requirement does not hold.
pub(super) fn apply(
    base: &LoadedTable,
    requirements: &[TableRequirement],
    updates: Vec<TableUpdate>,
) -> iceberg::Result<TableMetadata> {
    for requirement in requirements {
        requirement.check(Some(&base.metadata))?;
    }
    let builder = base.metadata.as_ref().clone().into_builder(base.metadata_location.clone());
    let builder = updates.into_iter().try_fold(builder, |builder, update| update.apply(builder))?;
    Ok(builder.build()?.metadata)
}

fn error(table: &TableIdent, location: &str, action: &'static str, source: iceberg::Error) -> CatalogError {
    CatalogError::Metadata { table: table.to_string(), location: location.to_owned(), action, source }
}
