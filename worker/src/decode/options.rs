//! What a table chooses about its rows: which metadata columns it has, and what becomes of odd records.

/// The columns that are filled from the Kafka record itself; `None` where the table has no such column.
///
/// Their names are not fields of the record: a record that carries `_kafka_offset` itself has an unknown field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataColumns {
    /// Topic partition, `int`.
    pub partition: Option<String>,
    /// Offset, `long`.
    pub offset: Option<String>,
    /// Record timestamp (create or append time, as the topic has it), `timestamptz`.
    pub timestamp: Option<String>,
    /// Topic, `string`.
    pub topic: Option<String>,
    /// Key, `binary` as it is or `string` (a key that is not UTF-8 is then an error).
    pub key: Option<String>,
    /// Headers in their order, `list<struct<key: string, value: binary>>` (a header may come twice, so not a map).
    pub headers: Option<String>,
}

impl Default for MetadataColumns {
    /// Partition, offset and timestamp under their usual names.
    fn default() -> Self {
        Self {
            partition: Some("_kafka_partition".to_owned()),
            offset: Some("_kafka_offset".to_owned()),
            timestamp: Some("_kafka_timestamp".to_owned()),
            ..Self::off()
        }
    }
}

impl MetadataColumns {
    /// None at all.
    #[must_use]
    pub fn off() -> Self {
        Self { partition: None, offset: None, timestamp: None, topic: None, key: None, headers: None }
    }
}

/// What becomes of a record with a field that the table lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnknownField {
    /// It is an error, unless the field holds nothing (`null`, `[]`, `{}` or nothing but these): that loses nothing.
    #[default]
    Stop,
    /// The field is left out.
    Ignore,
}

/// What becomes of a record whose value is null (a tombstone), or is the JSON text `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnNullValue {
    /// It becomes a row whose value columns are all null; an error where one of them is required.
    #[default]
    Row,
    /// It becomes no row. Its offset is consumed like that of a compacted record.
    Skip,
    /// It is an error.
    Stop,
}

/// How records become rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Fields that the table lacks.
    pub on_unknown_field: OnUnknownField,
    /// Records without a value.
    pub on_null_value: OnNullValue,
    /// A batch is full at this many rows, at least 1.
    pub batch_rows: usize,
    /// A batch is full once its records (keys, values and headers) and the fixed part of its columns came to this many
    /// bytes, at least 1.
    pub batch_bytes: usize,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            on_unknown_field: OnUnknownField::default(),
            on_null_value: OnNullValue::default(),
            batch_rows: 8192,
            batch_bytes: 16 * 1024 * 1024,
        }
    }
}
