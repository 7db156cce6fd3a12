//! What must hold of any bytes whatever, for tests that try them: `fuzz/fuzz_targets/decode.rs`, and `tests/any.rs`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use k2i_domain::ids::Partition;
use k2i_domain::range::Offset;

use super::{
    DecodeOptions, DecodePlan, Decoder, Inference, JSON_TEXT_KEY, MetadataColumns, OnUnknownField, Pushed, RecordRef,
};

/// Decodes `bytes` as a record of a table that has a column of every type, under one letter each.
///
/// # Panics
/// When a refused record leaves a trace, a taken one is not one row, or the record after it is not read as it should be.
#[doc(hidden)]
pub fn check_any(bytes: &[u8]) {
    let mut decoder = Decoder::new(plan());
    let taken = decoder.push(record(bytes));
    let rows = match taken {
        Ok(Pushed::Row) => 1,
        Ok(Pushed::Skipped) | Err(_) => 0,
        Ok(Pushed::Full) => panic!("an empty decoder is full"),
    };
    assert_eq!(decoder.rows(), rows, "a record is one row, and a refused one none");
    // Whatever came before it, a plain record is a row of its own.
    assert_eq!(decoder.push(record(br#"{"l":1}"#)), Ok(Pushed::Row));
    let batch = decoder.finish();
    assert_eq!(batch.num_rows(), rows + 1);
    let mut inference = Inference::new();
    if inference.observe(Some(bytes)).is_ok() {
        // A record may hold nothing that a column could be made of.
        let _ = inference.finish();
    }
}

fn record(value: &[u8]) -> RecordRef<'_> {
    RecordRef {
        partition: Partition(0),
        offset: Offset(0),
        timestamp_ms: None,
        topic: "t",
        key: None,
        value: Some(value),
        headers: &[],
    }
}

fn plan() -> &'static DecodePlan {
    static PLAN: OnceLock<DecodePlan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let options = DecodeOptions { on_unknown_field: OnUnknownField::Ignore, ..DecodeOptions::default() };
        let schema = Arc::new(Schema::new(fields()));
        DecodePlan::new(&schema, &MetadataColumns::off(), options).expect("every type of it can be decoded into")
    })
}

fn fields() -> Vec<Field> {
    let zone = Some("+00:00".into());
    let pair = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int64, true)];
    let map = DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(pair.into()), false)), false);
    let inner = vec![Field::new("a", DataType::Int64, false), Field::new("b", DataType::Utf8, true)];
    let list = DataType::List(Arc::new(Field::new("element", DataType::Struct(inner.clone().into()), true)));
    let text = HashMap::from([(JSON_TEXT_KEY.to_owned(), "true".to_owned())]);
    let types = [
        ("t", DataType::Boolean),
        ("i", DataType::Int32),
        ("l", DataType::Int64),
        ("f", DataType::Float32),
        ("d", DataType::Float64),
        ("m", DataType::Decimal128(12, 2)),
        ("day", DataType::Date32),
        ("time", DataType::Time64(TimeUnit::Microsecond)),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("z", DataType::Timestamp(TimeUnit::Microsecond, zone)),
        ("s", DataType::Utf8),
        ("b", DataType::LargeBinary),
        ("u", DataType::FixedSizeBinary(16)),
        ("o", DataType::Struct(inner.into())),
        ("a", list),
        ("p", map),
    ];
    let plain = types.into_iter().map(|(name, kind)| Field::new(name, kind, true));
    plain.chain([Field::new("j", DataType::Utf8, true).with_metadata(text)]).collect()
}
