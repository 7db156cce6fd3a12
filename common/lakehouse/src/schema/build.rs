//! Columns become an Iceberg schema with provisional ids: first the fields of a struct, then what is inside them.

use std::collections::BTreeMap;
use std::sync::Arc;

use iceberg::spec::{ListType, MapType, NestedField, NestedFieldRef, PrimitiveType, Schema, StructType, Type};

use super::{Column, ColumnType, SchemaError};

/// The schema of these columns.
///
/// # Errors
/// For names that are empty or differ only in case (Spark, Hive and DuckDB do not tell those apart), and for structs
/// without fields.
pub fn schema_of(columns: &[Column]) -> Result<Schema, SchemaError> {
    let mut ids = Ids(0);
    let fields = ids.fields(columns, "")?;
    Schema::builder().with_fields(fields).build().map_err(|source| SchemaError::Invalid { source })
}

/// The highest id given so far.
struct Ids(i32);

impl Ids {
    fn next(&mut self) -> i32 {
        self.0 += 1;
        self.0
    }

    fn fields(&mut self, columns: &[Column], path: &str) -> Result<Vec<NestedFieldRef>, SchemaError> {
        check_names(columns, path)?;
        let numbered: Vec<_> = columns.iter().map(|column| (self.next(), column)).collect();
        numbered.into_iter().map(|(id, column)| self.field(id, column, path)).collect()
    }

    fn field(&mut self, id: i32, column: &Column, path: &str) -> Result<NestedFieldRef, SchemaError> {
        let kind = self.kind(&column.kind, &join(path, &column.name))?;
        let field = NestedField::new(id, &column.name, kind, column.required);
        Ok(Arc::new(match &column.doc {
            Some(doc) => field.with_doc(doc),
            None => field,
        }))
    }

    fn kind(&mut self, kind: &ColumnType, path: &str) -> Result<Type, SchemaError> {
        Ok(match kind {
            ColumnType::Struct(fields) if fields.is_empty() => {
                return Err(error(path, "a struct needs at least one field"));
            }
            ColumnType::Struct(fields) => Type::Struct(StructType::new(self.fields(fields, path)?)),
            ColumnType::List(element) => {
                let id = self.next();
                let element = self.kind(element, &join(path, "element"))?;
                Type::List(ListType::new(NestedField::list_element(id, element, false).into()))
            }
            ColumnType::Map(key, value) => {
                let (key_id, value_id) = (self.next(), self.next());
                let key = self.kind(key, &join(path, "key"))?;
                let value = self.kind(value, &join(path, "value"))?;
                Type::Map(MapType::optional(key_id, key, value_id, value))
            }
            ColumnType::Boolean => PrimitiveType::Boolean.into(),
            ColumnType::Int => PrimitiveType::Int.into(),
            ColumnType::Long => PrimitiveType::Long.into(),
            ColumnType::Float => PrimitiveType::Float.into(),
            ColumnType::Double => PrimitiveType::Double.into(),
            ColumnType::Decimal { precision, scale } => {
                Type::decimal(*precision, *scale).map_err(|source| SchemaError::Invalid { source })?
            }
            ColumnType::Date => PrimitiveType::Date.into(),
            ColumnType::Time => PrimitiveType::Time.into(),
            ColumnType::Timestamp => PrimitiveType::Timestamp.into(),
            ColumnType::Timestamptz => PrimitiveType::Timestamptz.into(),
            ColumnType::String => PrimitiveType::String.into(),
            ColumnType::Uuid => PrimitiveType::Uuid.into(),
            ColumnType::Fixed(bytes) => PrimitiveType::Fixed(u64::from(*bytes)).into(),
            ColumnType::Binary => PrimitiveType::Binary.into(),
        })
    }
}

fn check_names(columns: &[Column], path: &str) -> Result<(), SchemaError> {
    let mut seen = BTreeMap::new();
    for column in columns {
        if column.name.is_empty() {
            return Err(error(path, "a name is empty"));
        }
        if let Some(other) = seen.insert(column.name.to_lowercase(), &column.name) {
            let reason = format!("it has the same name as {other} for engines that ignore case");
            return Err(error(&join(path, &column.name), reason));
        }
    }
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn error(column: &str, reason: impl Into<String>) -> SchemaError {
    SchemaError::Column { column: column.to_owned(), reason: reason.into() }
}
