//! UUIDs in Arrow schemas: Arrow has one type for them and for other binaries of 16 bytes, so the field says which.
//!
//! The mark is Arrow's canonical extension type `arrow.uuid`. Writers of Parquet files annotate such columns as UUID,
//! without which Iceberg's Java readers fail on them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema as ArrowSchema};
use iceberg::spec::{PrimitiveType, Schema, Type};

const EXTENSION_KEY: &str = "ARROW:extension:name";
const UUID_EXTENSION: &str = "arrow.uuid";
const FIELD_ID_KEY: &str = "PARQUET:field_id";

/// The Arrow schema of `schema` with its UUID fields marked, nested ones too.
pub(super) fn mark_uuids(schema: &Schema, arrow: ArrowSchema) -> ArrowSchema {
    let fields = marked_all(schema, arrow.fields());
    ArrowSchema::new_with_metadata(fields, arrow.metadata().clone())
}

fn marked_all(schema: &Schema, fields: &Fields) -> Fields {
    fields.iter().map(|field| marked(schema, field)).collect()
}

fn marked(schema: &Schema, field: &FieldRef) -> FieldRef {
    let inner = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(marked_all(schema, fields)),
        DataType::List(element) => DataType::List(marked(schema, element)),
        DataType::Map(entries, sorted) => DataType::Map(marked(schema, entries), *sorted),
        DataType::FixedSizeBinary(16) if is_uuid(schema, field) => {
            let mut metadata = field.metadata().clone();
            metadata.insert(EXTENSION_KEY.to_owned(), UUID_EXTENSION.to_owned());
            return Arc::new(field.as_ref().clone().with_metadata(metadata));
        }
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(inner))
}

fn is_uuid(schema: &Schema, field: &Field) -> bool {
    let id = field.metadata().get(FIELD_ID_KEY).and_then(|id| id.parse().ok());
    let found = id.and_then(|id| schema.field_by_id(id));
    found.is_some_and(|found| *found.field_type == Type::Primitive(PrimitiveType::Uuid))
}
