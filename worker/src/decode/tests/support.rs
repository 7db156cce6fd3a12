//! Schemas, records and cells for the tests.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int32Type, Int64Type, Schema, SchemaRef,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use k2i_domain::ids::Partition;
use k2i_domain::range::Offset;

use crate::decode::{
    DecodeError, DecodeOptions, DecodePlan, Decoder, JSON_TEXT_KEY, MetadataColumns, Pushed, RecordRef,
};

/// One value read back from an array, or computed by the oracle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Decimal(i128),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Cell>),
    Struct(Vec<Cell>),
    Map(Vec<(String, Cell)>),
}

pub(super) fn cell(array: &dyn Array, row: usize) -> Cell {
    if array.is_null(row) {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Int32 => Cell::Int(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => Cell::Double(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Cell::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => Cell::Int(array.as_primitive::<Date32Type>().value(row).into()),
        DataType::Time64(_) => Cell::Int(array.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Timestamp(..) => Cell::Int(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        DataType::Decimal128(..) => Cell::Decimal(array.as_primitive::<Decimal128Type>().value(row)),
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::LargeBinary => Cell::Bytes(array.as_binary::<i64>().value(row).to_owned()),
        DataType::FixedSizeBinary(_) => Cell::Bytes(array.as_fixed_size_binary().value(row).to_owned()),
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(row);
            Cell::List((0..list.len()).map(|i| cell(&list, i)).collect())
        }
        DataType::Struct(_) => Cell::Struct(array.as_struct().columns().iter().map(|c| cell(c, row)).collect()),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let keys = entries.column(0).as_string::<i32>();
            let entry = |i| (keys.value(i).to_owned(), cell(entries.column(1), i));
            Cell::Map((0..entries.len()).map(entry).collect())
        }
        other => panic!("no cell for {other}"),
    }
}

/// All rows of a batch.
pub(super) fn rows(batch: &RecordBatch) -> Vec<Vec<Cell>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()).collect()
}

pub(super) fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

pub(super) fn optional(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

pub(super) fn required(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

pub(super) fn json_text(name: &str) -> Field {
    optional(name, DataType::Utf8).with_metadata(HashMap::from([(JSON_TEXT_KEY.to_owned(), "true".to_owned())]))
}

pub(super) fn timestamptz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

pub(super) fn list(element: Field) -> DataType {
    DataType::List(Arc::new(element.with_name("element")))
}

pub(super) fn map(value: Field) -> DataType {
    let pair = vec![Field::new("key", DataType::Utf8, false), value.with_name("value")];
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair.into()), false)), false)
}

/// A decoder without metadata columns.
pub(super) fn decoder(schema: &SchemaRef, options: DecodeOptions) -> Decoder {
    Decoder::new(&DecodePlan::new(schema, &MetadataColumns::off(), options).expect("the schema can be decoded into"))
}

pub(super) fn record(value: Option<&[u8]>) -> RecordRef<'_> {
    RecordRef {
        partition: Partition(3),
        offset: Offset(41),
        timestamp_ms: Some(1_700_000_000_123),
        topic: "orders",
        key: None,
        value,
        headers: &[],
    }
}

pub(super) fn push(decoder: &mut Decoder, json: &str) -> Result<Pushed, DecodeError> {
    decoder.push(record(Some(json.as_bytes())))
}

/// The only column's value after one record, or the error.
pub(super) fn one(field: Field, json: &str) -> Result<Cell, DecodeError> {
    let mut decoder = decoder(&schema(vec![field]), DecodeOptions::default());
    assert_eq!(push(&mut decoder, json)?, Pushed::Row);
    Ok(cell(decoder.finish().column(0), 0))
}
