//! Schemas: from a column list, from and to JSON, to Arrow, and which tables this version can write.
//!
//! Column types are told in Iceberg's own words (`long`, `decimal(10,2)`, `struct<a:long,b:string>`). Field ids given
//! here are provisional: whoever creates the table assigns them.

mod arrow_uuid;
mod build;
mod column;
mod parse;
mod writable;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use iceberg::spec::Schema;

pub use build::schema_of;
pub use column::{Column, ColumnType};
pub use writable::{Unwritable, committable, writable};

/// A schema that cannot be built or read.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A type's text does not parse.
    #[error("type {text:?} is not an Iceberg type: {reason} at byte {position}")]
    Type {
        /// The text.
        text: String,
        /// What was expected.
        reason: String,
        /// Where.
        position: usize,
    },
    /// A column cannot be as it is described.
    #[error("column {column}: {reason}")]
    Column {
        /// The column, with the structs that it is in.
        column: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The JSON is not an Iceberg schema.
    #[error("schema is not valid Iceberg schema JSON")]
    Json {
        /// The parser's word on it.
        source: serde_json::Error,
    },
    /// The parts do not make a schema.
    #[error("schema is not valid")]
    Invalid {
        /// The iceberg crate's word on it.
        source: iceberg::Error,
    },
}

/// A schema from its JSON form (Iceberg spec, appendix C).
///
/// # Errors
/// [`SchemaError::Json`].
pub fn schema_from_json(text: &str) -> Result<Schema, SchemaError> {
    serde_json::from_str(text).map_err(|source| SchemaError::Json { source })
}

/// The JSON form of a schema (Iceberg spec, appendix C).
///
/// # Errors
/// [`SchemaError::Json`]; does not happen for a schema that was built or read here.
pub fn schema_to_json(schema: &Schema) -> Result<String, SchemaError> {
    serde_json::to_string(schema).map_err(|source| SchemaError::Json { source })
}

/// The Arrow schema that a table's files are written with. Every field, nested ones too, carries its Iceberg id as
/// `PARQUET:field_id`, which is what makes the Parquet files readable after columns were renamed, and UUIDs are
/// marked as such.
///
/// # Errors
/// [`SchemaError::Invalid`] for types that Arrow lacks.
pub fn arrow_schema(schema: &Schema) -> Result<arrow::datatypes::SchemaRef, SchemaError> {
    let converted = iceberg::arrow::schema_to_arrow_schema(schema);
    let marked = converted.map(|arrow| Arc::new(arrow_uuid::mark_uuids(schema, arrow)));
    marked.map_err(|source| SchemaError::Invalid { source })
}
