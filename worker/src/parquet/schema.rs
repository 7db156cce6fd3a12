//! The file's schema: Arrow's, and UUIDs told apart from other binaries of 16 bytes.
//!
//! Iceberg wants a UUID annotated as one (spec, appendix A), and its Java readers fail on one that is not. Arrow has one
//! type for both, so the Arrow field says it by Arrow's canonical extension type.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

/// Key in an Arrow field's metadata under which its extension type stands (Arrow's columnar format).
pub const EXTENSION_KEY: &str = "ARROW:extension:name";

/// The extension type of a `FixedSizeBinary(16)` that holds UUIDs.
pub const UUID_EXTENSION: &str = "arrow.uuid";

/// The Parquet schema of an Arrow schema.
pub(super) fn parquet_schema(schema: &SchemaRef) -> Result<SchemaDescriptor> {
    let converted = ArrowSchemaConverter::new().schema_root("table").convert(schema)?;
    if !schema.fields().iter().any(|field| has_uuid(field)) {
        return Ok(converted);
    }
    let root = regroup(converted.root_schema(), schema.fields().iter())?;
    Ok(SchemaDescriptor::new(root))
}

fn has_uuid(field: &Field) -> bool {
    match field.data_type() {
        DataType::Struct(fields) => fields.iter().any(|field| has_uuid(field)),
        DataType::List(inner) | DataType::Map(inner, _) => has_uuid(inner),
        _ => is_uuid(field),
    }
}

fn is_uuid(field: &Field) -> bool {
    *field.data_type() == DataType::FixedSizeBinary(16)
        && field.metadata().get(EXTENSION_KEY).is_some_and(|name| name == UUID_EXTENSION)
}

/// The same type with its UUIDs annotated.
fn annotate(field: &Field, parquet: &TypePtr) -> Result<TypePtr> {
    if !has_uuid(field) {
        return Ok(Arc::clone(parquet));
    }
    match field.data_type() {
        DataType::Struct(fields) => regroup(parquet, fields.iter()),
        DataType::List(inner) => {
            let repeated = only_child(parquet)?;
            group(parquet, vec![regroup(repeated, std::iter::once(inner))?])
        }
        DataType::Map(entries, _) => group(parquet, vec![annotate(entries, only_child(parquet)?)?]),
        _ => {
            let info = parquet.get_basic_info();
            let builder = Type::primitive_type_builder(info.name(), PhysicalType::FIXED_LEN_BYTE_ARRAY)
                .with_repetition(info.repetition())
                .with_length(16)
                .with_logical_type(Some(LogicalType::Uuid))
                .with_id(info.has_id().then(|| info.id()));
            builder.build().map(Arc::new)
        }
    }
}

/// A group whose children are those fields.
fn regroup<'a>(parquet: &Type, fields: impl Iterator<Item = &'a FieldRef>) -> Result<TypePtr> {
    let children = fields.zip(parquet.get_fields()).map(|(field, child)| annotate(field, child));
    group(parquet, children.collect::<Result<_>>()?)
}

/// A group like `parquet` with other children.
fn group(parquet: &Type, children: Vec<TypePtr>) -> Result<TypePtr> {
    let info = parquet.get_basic_info();
    let mut builder = Type::group_type_builder(info.name())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_id(info.has_id().then(|| info.id()))
        .with_fields(children);
    if info.has_repetition() {
        builder = builder.with_repetition(info.repetition());
    }
    builder.build().map(Arc::new)
}

fn only_child(parquet: &Type) -> Result<&TypePtr> {
    match parquet.get_fields() {
        [child] => Ok(child),
        _ => Err(ParquetError::General(format!("{} is no list or map", parquet.name()))),
    }
}
