use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array,
    LargeBinaryArray, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use iceberg::spec::{Datum, Schema, Type};
use k2i_domain::ids::{SchemaId, SpecId};
use k2i_domain::manifest::ManifestFile;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::*;
use crate::properties::MetricsModes;
use crate::schema::{Column, arrow_schema, schema_of};

fn schema(columns: &[(&str, &str)]) -> Schema {
    let columns: Vec<_> = columns.iter().map(|(name, kind)| Column::optional(*name, kind.parse().unwrap())).collect();
    schema_of(&columns).unwrap()
}

/// Writes each set of columns as a row group of its own.
fn written_as(schema: &Schema, groups: &[Vec<ArrayRef>], properties: WriterProperties) -> ParquetMetaData {
    let arrow = arrow_schema(schema).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), arrow.clone(), Some(properties)).unwrap();
    for columns in groups {
        writer.write(&RecordBatch::try_new(arrow.clone(), columns.clone()).unwrap()).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap()
}

fn written(schema: &Schema, groups: &[Vec<ArrayRef>]) -> ParquetMetaData {
    written_as(schema, groups, WriterProperties::default())
}

fn statistics(schema: &Schema, groups: &[Vec<ArrayRef>]) -> FileStatistics {
    FileStatistics::from_parquet(schema, &written(schema, groups), &BTreeMap::new(), &MetricsModes::default())
}

fn strings(values: &[&str]) -> Vec<ArrayRef> {
    vec![Arc::new(StringArray::from(values.to_vec()))]
}

fn string_bounds(groups: &[&[&str]]) -> (Option<String>, Option<String>) {
    let groups: Vec<_> = groups.iter().map(|values| strings(values)).collect();
    let column = statistics(&schema(&[("s", "string")]), &groups).columns[&1].clone();
    let text = |bound: Option<Vec<u8>>| bound.map(|bound| String::from_utf8(bound).unwrap());
    (text(column.lower), text(column.upper))
}

#[test]
fn counts_cover_all_row_groups() {
    let schema = schema(&[("n", "long"), ("d", "double")]);
    let group = |n: Vec<Option<i64>>, d: Vec<Option<f64>>| -> Vec<ArrayRef> {
        vec![Arc::new(Int64Array::from(n)), Arc::new(Float64Array::from(d))]
    };
    let groups = [
        group(vec![Some(5), None, Some(-3)], vec![Some(1.5), Some(f64::NAN), None]),
        group(vec![Some(7)], vec![Some(-0.5)]),
    ];
    let metadata = written(&schema, &groups);
    let found = FileStatistics::from_parquet(&schema, &metadata, &BTreeMap::from([(2, 1)]), &MetricsModes::default());
    let n = &found.columns[&1];
    assert_eq!((n.values, n.nulls, n.nans), (Some(4), Some(1), None));
    assert_eq!(n.lower, Some((-3_i64).to_le_bytes().to_vec()));
    assert_eq!(n.upper, Some(7_i64.to_le_bytes().to_vec()));
    let d = &found.columns[&2];
    assert_eq!((d.values, d.nulls, d.nans), (Some(4), Some(1), Some(1)));
    assert_eq!(d.lower, Some((-0.5_f64).to_le_bytes().to_vec()));
    assert_eq!(d.upper, Some(1.5_f64.to_le_bytes().to_vec()));
    let sizes: u64 = found.columns.values().map(|column| column.bytes).sum();
    let chunks = metadata.row_groups().iter().map(|group| group.compressed_size() as u64).sum::<u64>();
    assert_eq!(sizes, chunks);
    assert_eq!(found.split_offsets.len(), 2);
    assert_eq!(found.split_offsets[0], 4, "the first page stands behind the magic number");
    assert!(found.split_offsets[0] < found.split_offsets[1]);
}

#[test]
fn a_long_value_in_one_row_group_still_bounds_the_file() {
    let long_low = "A".repeat(100);
    let long_high = "z".repeat(100);
    let (lower, upper) = string_bounds(&[&["m"], &[&long_low, &long_high], &["n"]]);
    let (lower, upper) = (lower.unwrap(), upper.unwrap());
    assert!(lower.as_str() <= long_low.as_str(), "{lower}");
    assert!(upper.as_str() >= long_high.as_str(), "{upper}");
    assert_eq!((lower.as_str(), upper.as_str()), ("A".repeat(16).as_str(), "zzzzzzzzzzzzzzz{"));
}

#[test]
fn string_bounds_count_code_points_and_round_up() {
    let exact = "ä".repeat(16);
    assert_eq!(string_bounds(&[&[&exact]]), (Some(exact.clone()), Some(exact.clone())));
    let (lower, upper) = string_bounds(&[&[&"ä".repeat(17)]]);
    assert_eq!((lower.unwrap(), upper.unwrap()), (exact, "ä".repeat(15) + "å"));
    // Before the surrogates, and at the end of Unicode.
    let (_, upper) = string_bounds(&[&[&("a".repeat(15) + "\u{d7ff}b")]]);
    assert_eq!(upper.unwrap(), "a".repeat(15) + "\u{e000}");
    let (_, upper) = string_bounds(&[&[&("a".repeat(14) + "b\u{10ffff}c")]]);
    assert_eq!(upper.unwrap(), "a".repeat(14) + "c");
    let (lower, upper) = string_bounds(&[&[&"\u{10ffff}".repeat(17)]]);
    assert_eq!((lower.unwrap(), upper), ("\u{10ffff}".repeat(16), None));
    assert_eq!(string_bounds(&[&["", "a"]]), (Some(String::new()), Some("a".into())));
}

#[test]
fn binary_bounds_round_up_or_are_missing() {
    let schema = schema(&[("b", "binary")]);
    let bounds = |value: &[u8]| {
        let column: ArrayRef = Arc::new(LargeBinaryArray::from(vec![value]));
        let found = statistics(&schema, &[vec![column]]).columns[&1].clone();
        (found.lower.unwrap(), found.upper)
    };
    assert_eq!(bounds(&[1; 20]), (vec![1; 16], Some([vec![1; 15], vec![2]].concat())));
    assert_eq!(bounds(&[0xff; 16]), (vec![0xff; 16], Some(vec![0xff; 16])));
    assert_eq!(bounds(&[0xff; 20]), (vec![0xff; 16], None));
    let mut mixed = vec![7; 10];
    mixed.extend([0xff; 30]);
    assert_eq!(bounds(&mixed).1, Some([vec![7; 9], vec![8]].concat()));
}

#[test]
fn a_row_group_without_statistics_makes_the_bounds_unknown() {
    let schema = schema(&[("n", "long")]);
    let group = |values: Vec<Option<i64>>| -> Vec<ArrayRef> { vec![Arc::new(Int64Array::from(values))] };
    let silent = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
    let spoken = written(&schema, &[group(vec![Some(1)]), group(vec![Some(2)])]);
    let silent = written_as(&schema, &[group(vec![Some(99)])], silent);
    let mut builder = spoken.into_builder();
    let groups: Vec<_> = builder.take_row_groups().into_iter().chain(silent.row_groups().to_vec()).collect();
    let metadata = builder.set_row_groups(groups).build();
    let found = FileStatistics::from_parquet(&schema, &metadata, &BTreeMap::new(), &MetricsModes::default());
    let column = found.columns[&1].clone();
    assert_eq!((column.values, column.nulls), (Some(3), None));
    assert_eq!((column.lower, column.upper), (None, None));
}

#[test]
fn row_groups_of_nulls_do_not_hide_the_others() {
    let schema = schema(&[("n", "long"), ("d", "double")]);
    let group = |n: Option<i64>, d: Option<f64>| -> Vec<ArrayRef> {
        vec![Arc::new(Int64Array::from(vec![n])), Arc::new(Float64Array::from(vec![d]))]
    };
    let found = statistics(&schema, &[group(None, Some(1.0)), group(Some(4), Some(f64::NAN)), group(None, None)]);
    assert_eq!(found.columns[&1].lower, Some(4_i64.to_le_bytes().to_vec()));
    assert_eq!(found.columns[&1].upper, Some(4_i64.to_le_bytes().to_vec()));
    // A group of NaNs alone says nothing of its bounds, and Parquet does not say that it is one.
    assert_eq!((found.columns[&2].lower.clone(), found.columns[&2].upper.clone()), (None, None));
    let nulls = statistics(&schema, &[group(None, None)]);
    assert_eq!((nulls.columns[&1].nulls, nulls.columns[&1].lower.clone()), (Some(1), None));
}

#[test]
fn every_type_is_bounded_in_icebergs_form() {
    let schema = schema(&[
        ("bool", "boolean"),
        ("int", "int"),
        ("date", "date"),
        ("tz", "timestamptz"),
        ("small", "decimal(9,2)"),
        ("wide", "decimal(38,4)"),
        ("fixed", "fixed(4)"),
        ("long_fixed", "fixed(20)"),
        ("uuid", "uuid"),
    ]);
    let decimal = |values: Vec<i128>, precision, scale| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
    };
    let fixed = |width: usize| -> ArrayRef {
        let rows = [vec![0x80; width], vec![1; width]];
        Arc::new(FixedSizeBinaryArray::try_from_iter(rows.into_iter()).unwrap())
    };
    let wide = 10_i128.pow(37);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(BooleanArray::from(vec![true, false])),
        Arc::new(Int32Array::from(vec![-1, i32::MAX])),
        Arc::new(Date32Array::from(vec![-5, 20_000])),
        Arc::new(TimestampMicrosecondArray::from(vec![-1, 1_700_000_000_000_000]).with_timezone("+00:00")),
        decimal(vec![-12_345, 128], 9, 2),
        decimal(vec![-wide, wide], 38, 4),
        fixed(4),
        fixed(20),
        fixed(16),
    ];
    let found = statistics(&schema, &[columns]);
    let bounds = |id: i32| found.columns[&id].lower.clone().zip(found.columns[&id].upper.clone());
    assert_eq!(bounds(1), Some((vec![0], vec![1])));
    assert_eq!(bounds(2), Some(((-1_i32).to_le_bytes().to_vec(), i32::MAX.to_le_bytes().to_vec())));
    assert_eq!(bounds(3), Some(((-5_i32).to_le_bytes().to_vec(), 20_000_i32.to_le_bytes().to_vec())));
    let tz = ((-1_i64).to_le_bytes().to_vec(), 1_700_000_000_000_000_i64.to_le_bytes().to_vec());
    assert_eq!(bounds(4), Some(tz));
    assert_eq!(bounds(5), Some((vec![0xcf, 0xc7], vec![0x00, 0x80])));
    assert_eq!(bounds(7), Some((vec![1; 4], vec![0x80; 4])));
    assert_eq!((bounds(8), bounds(9)), (None, None));
    // Iceberg's own reader understands all of them.
    for (id, column) in &found.columns {
        let Type::Primitive(kind) = schema.field_by_id(*id).unwrap().field_type.as_ref() else { panic!() };
        if let Some((lower, upper)) = column.lower.as_ref().zip(column.upper.as_ref()) {
            let lower = Datum::try_from_bytes(lower, kind.clone()).unwrap();
            let upper = Datum::try_from_bytes(upper, kind.clone()).unwrap();
            assert!(lower < upper, "{kind}: {lower} {upper}");
            assert_eq!(lower.to_bytes().unwrap().as_ref(), column.lower.as_deref().unwrap(), "{kind}");
        }
    }
}

#[test]
fn structs_are_bounded_and_lists_are_not() {
    let schema = schema(&[("s", "struct<x:long>"), ("l", "list<long>")]);
    let arrow = arrow_schema(&schema).unwrap();
    let arrow::datatypes::DataType::Struct(fields) = arrow.field(0).data_type().clone() else { panic!() };
    let arrow::datatypes::DataType::List(element) = arrow.field(1).data_type().clone() else { panic!() };
    let x: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None, Some(9)]));
    let list =
        ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), Some(2)]), None, Some(vec![])]);
    let (_, offsets, values, nulls) = list.into_parts();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StructArray::new(fields, vec![x], Some(vec![true, true, true].into()))),
        Arc::new(ListArray::new(element, offsets, values, nulls)),
    ];
    let found = statistics(&schema, &[columns]);
    let inner = &found.columns[&schema.field_id_by_name("s.x").unwrap()];
    assert_eq!((inner.values, inner.nulls), (Some(3), Some(1)));
    assert_eq!(inner.upper, Some(9_i64.to_le_bytes().to_vec()));
    let element = &found.columns[&schema.field_id_by_name("l.element").unwrap()];
    assert!(element.bytes > 0);
    let nothing = ColumnStatistics { bytes: element.bytes, ..ColumnStatistics::default() };
    assert_eq!(element, &nothing);
}

#[test]
fn only_the_first_columns_are_bounded() {
    let names: Vec<_> = (0..105).map(|index| format!("c{index}")).collect();
    let columns: Vec<_> = names.iter().map(|name| (name.as_str(), "int")).collect();
    let schema = schema(&columns);
    let group = names.iter().map(|_| Arc::new(Int32Array::from(vec![1])) as ArrayRef).collect();
    let found = statistics(&schema, &[group]);
    let bounded = found.columns.values().filter(|column| column.lower.is_some()).count();
    assert_eq!((found.columns.len(), bounded), (names.len(), 100));
    assert!(found.columns[&100].lower.is_some() && found.columns[&101].lower.is_none());
}

fn file(statistics: &FileStatistics) -> ManifestFile {
    ManifestFile {
        location: "memory://t/data/x.parquet".into(),
        bytes: 1000,
        rows: 2,
        sha256: [0; 32],
        schema: SchemaId(0),
        spec: SpecId(0),
        statistics: statistics.encode(),
    }
}

#[test]
fn the_encoding_keeps_everything() {
    let schema = schema(&[("s", "string"), ("n", "long")]);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(vec![Some("a"), None])), Arc::new(Int64Array::from(vec![1, 2]))];
    let found = statistics(&schema, &[columns]);
    assert_eq!(FileStatistics::decode(&found.encode()).unwrap(), found);
    let data = found.data_file(&file(&found), &schema).unwrap();
    assert_eq!((data.record_count(), data.file_size_in_bytes()), (2, 1000));
    assert_eq!(data.null_value_counts()[&1], 1);
    assert_eq!(data.upper_bounds()[&2], Datum::long(2));
    assert_eq!(data.split_offsets(), Some(found.split_offsets.as_slice()));
}

#[test]
fn the_encoding_is_what_it_always_was() {
    let column = ColumnStatistics {
        bytes: 300,
        values: Some(2),
        nulls: Some(0),
        nans: None,
        lower: Some(vec![1]),
        upper: Some(vec![2]),
    };
    let found = FileStatistics { columns: BTreeMap::from([(7, column)]), split_offsets: vec![4] };
    let golden = [
        0x08, 0x01, 0x12, 0x0f, 0x08, 0x07, 0x10, 0xac, 0x02, 0x18, 0x02, 0x20, 0x00, 0x32, 0x01, 0x01, 0x3a, 0x01,
        0x02, 0x1a, 0x01, 0x04,
    ];
    assert_eq!(found.encode(), golden);
    assert_eq!(FileStatistics::decode(&golden).unwrap(), found);
}

#[test]
fn other_encodings_are_refused() {
    assert_eq!(FileStatistics::decode(&[]).unwrap(), FileStatistics::default());
    assert!(matches!(FileStatistics::decode(&[0x08, 0x02]), Err(StatisticsError::Version { found: 2 })));
    assert!(matches!(FileStatistics::decode(&[0xff; 3]), Err(StatisticsError::Damaged { .. })));
    let odd = ColumnStatistics { lower: Some(vec![1, 2, 3]), ..ColumnStatistics::default() };
    let odd = FileStatistics { columns: BTreeMap::from([(1, odd)]), split_offsets: Vec::new() };
    let error = odd.data_file(&file(&odd), &schema(&[("n", "long")])).unwrap_err();
    assert!(matches!(error, StatisticsError::Bound { field: 1, .. }), "{error}");
}
