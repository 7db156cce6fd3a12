//! The columns that say where a row came from. They make exactly-once checkable by anyone with SQL: no two rows share
//! (topic,) partition and offset.

use iceberg::spec::{PrimitiveType, Schema, Type};

use super::{Column, ColumnType, SchemaError};

/// Names of the metadata columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataColumns {
    /// `int`: the Kafka topic partition.
    pub partition: String,
    /// `long`: the record's offset.
    pub offset: String,
    /// `timestamptz`: the record's timestamp, null where it has none.
    pub timestamp: String,
    /// `string`: the topic's name; `None` in a table that holds one topic only.
    pub topic: Option<String>,
}

impl Default for MetadataColumns {
    fn default() -> Self {
        Self {
            partition: "_kafka_partition".to_owned(),
            offset: "_kafka_offset".to_owned(),
            timestamp: "_kafka_timestamp".to_owned(),
            topic: None,
        }
    }
}

/// Field ids of the metadata columns in one schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataFields {
    /// Of the partition column.
    pub partition: i32,
    /// Of the offset column.
    pub offset: i32,
    /// Of the timestamp column.
    pub timestamp: i32,
    /// Of the topic column, where one is wanted.
    pub topic: Option<i32>,
}

impl MetadataColumns {
    /// The name that the topic column has unless configured otherwise.
    pub const DEFAULT_TOPIC: &'static str = "_kafka_topic";

    /// The columns, to be put behind those of the data. All are optional, so that other writers may leave them out.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let column = |name: &str, kind, doc| Column::optional(name, kind).with_doc(doc);
        let mut columns = vec![
            column(&self.partition, ColumnType::Int, "Kafka topic partition"),
            column(&self.offset, ColumnType::Long, "Kafka offset"),
            column(&self.timestamp, ColumnType::Timestamptz, "Kafka record timestamp"),
        ];
        columns.extend(self.topic.as_deref().map(|name| column(name, ColumnType::String, "Kafka topic")));
        columns
    }

    /// The columns in an existing schema.
    ///
    /// # Errors
    /// When one is missing or has another type.
    pub fn find(&self, schema: &Schema) -> Result<MetadataFields, SchemaError> {
        let topic = self.topic.as_deref().map(|name| find(schema, name, PrimitiveType::String));
        Ok(MetadataFields {
            partition: find(schema, &self.partition, PrimitiveType::Int)?,
            offset: find(schema, &self.offset, PrimitiveType::Long)?,
            timestamp: find(schema, &self.timestamp, PrimitiveType::Timestamptz)?,
            topic: topic.transpose()?,
        })
    }
}

fn find(schema: &Schema, name: &str, kind: PrimitiveType) -> Result<i32, SchemaError> {
    let fields = schema.as_struct().fields();
    let error = |reason| SchemaError::Column { column: name.to_owned(), reason };
    let field = fields.iter().find(|field| field.name == name);
    let field = field.ok_or_else(|| error(format!("the table has no such metadata column of type {kind}")))?;
    if *field.field_type == Type::Primitive(kind.clone()) {
        Ok(field.id)
    } else {
        Err(error(format!("it is {} in the table, but this metadata column must be {kind}", field.field_type)))
    }
}
