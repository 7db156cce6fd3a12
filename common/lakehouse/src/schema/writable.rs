//! Which tables this version writes correctly. Any other is refused by name rather than written nearly right.

use iceberg::spec::{FormatVersion, PrimitiveType, TableMetadata, Type};

use crate::commit::format_version;
use crate::properties::PropertyError;

/// Why a table cannot be written by this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// Partitioned.
    #[error("it is partitioned by {fields}, and this version writes unpartitioned tables only")]
    Partitioned {
        /// The spec's fields.
        fields: String,
    },
    /// Version 1 lacks the sequence numbers that keep a late request from winning; version 3 needs row ids.
    #[error("it has format version {version}, and this version writes version 2 only")]
    FormatVersion {
        /// The table's version.
        version: u8,
    },
    /// Encrypted.
    #[error("it is encrypted, which this version cannot write")]
    Encrypted,
    /// A column of a type that this version does not write.
    #[error("its column {column} has type {kind}, which this version cannot write")]
    Type {
        /// The column's full name.
        column: String,
        /// Its type.
        kind: String,
    },
    /// A property that this version cannot follow.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

/// Says whether a snapshot can be committed to the table. Files of an older spec or schema that still exists are legal,
/// so what the table has *now* does not matter.
///
/// # Errors
/// The first reason why not.
pub fn committable(metadata: &TableMetadata) -> Result<(), Unwritable> {
    if metadata.format_version() != FormatVersion::V2 {
        return Err(Unwritable::FormatVersion { version: format_version(metadata.format_version()) });
    }
    let encrypted = metadata.properties().contains_key("encryption.key-id");
    if encrypted || metadata.encryption_keys_iter().len() > 0 {
        return Err(Unwritable::Encrypted);
    }
    Ok(())
}

/// Says whether files can be written for the table's current schema and default spec.
///
/// # Errors
/// The first reason why not.
pub fn writable(metadata: &TableMetadata) -> Result<(), Unwritable> {
    committable(metadata)?;
    let fields = metadata.default_partition_spec().fields();
    if !fields.is_empty() {
        let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        return Err(Unwritable::Partitioned { fields: names.join(", ") });
    }
    writable_types(metadata)
}

fn writable_types(metadata: &TableMetadata) -> Result<(), Unwritable> {
    let schema = metadata.current_schema();
    let mut fields: Vec<_> = schema.field_id_to_fields().iter().collect();
    fields.sort_unstable_by_key(|(id, _)| **id);
    for (id, field) in fields {
        if let Type::Primitive(kind @ (PrimitiveType::TimestampNs | PrimitiveType::TimestamptzNs)) =
            field.field_type.as_ref()
        {
            let column = schema.name_by_field_id(*id).unwrap_or(&field.name).to_owned();
            return Err(Unwritable::Type { column, kind: kind.to_string() });
        }
    }
    Ok(())
}
