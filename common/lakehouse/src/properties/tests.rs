use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use iceberg::spec::Schema;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::schema::{Column, arrow_schema, schema_of};
use crate::statistics::{ColumnStatistics, FileStatistics};

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn read(pairs: &[(&str, &str)]) -> WriteProperties {
    WriteProperties::of(&properties(pairs)).unwrap()
}

#[test]
fn what_is_not_set_is_not_said() {
    assert_eq!(read(&[("k2i.orders.state", "{}"), ("read.split.target-size", "1")]), WriteProperties::default());
}

#[test]
fn codecs_and_their_levels() {
    let codec = |pairs: &[(&str, &str)]| {
        let named = pairs.iter().map(|(key, value)| (format!("write.parquet.compression-{key}"), (*value).to_owned()));
        WriteProperties::of(&named.collect()).map(|found| found.codec)
    };
    for (name, expected) in [
        ("zstd", Codec::ZSTD),
        ("ZSTD", Codec::ZSTD),
        ("gzip", Codec::GZIP),
        ("snappy", Codec::Snappy),
        ("lz4", Codec::Lz4),
        ("lz4_raw", Codec::Lz4),
        ("uncompressed", Codec::Uncompressed),
    ] {
        assert_eq!(codec(&[("codec", name)]), Ok(Some(expected)), "{name}");
    }
    assert_eq!(codec(&[("codec", "zstd"), ("level", "22")]), Ok(Some(Codec::Zstd(22))));
    assert_eq!(codec(&[("codec", "gzip"), ("level", "0")]), Ok(Some(Codec::Gzip(0))));
    assert_eq!(codec(&[("level", "3")]), Ok(Some(Codec::Zstd(3))));
    assert_eq!(codec(&[("codec", "snappy"), ("level", "99")]), Ok(Some(Codec::Snappy)), "it has no levels");
    for (wrong, named) in [
        (&[("codec", "brotli")][..], "brotli"),
        (&[("codec", "lzo")], "lzo"),
        (&[("codec", "")], "codec is \"\""),
        (&[("codec", "zstd"), ("level", "23")], "23"),
        (&[("codec", "zstd"), ("level", "0")], "1 to 22"),
        (&[("codec", "gzip"), ("level", "10")], "0 to 9"),
        (&[("codec", "gzip"), ("level", "best")], "best"),
        (&[("level", "-1")], "-1"),
    ] {
        let error = codec(wrong).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("write.parquet.compression-"), "{error}");
    }
}

#[test]
fn sizes_are_whole_numbers_from_1() {
    let keys = [
        "write.parquet.row-group-size-bytes",
        "write.parquet.page-size-bytes",
        "write.parquet.page-row-limit",
        "write.parquet.dict-size-bytes",
        "write.target-file-size-bytes",
    ];
    let all: Vec<_> = keys.into_iter().zip(["11", "12", "13", "14", "15"]).collect();
    let expected = WriteProperties {
        row_group_bytes: Some(11),
        page_bytes: Some(12),
        page_rows: Some(13),
        dictionary_bytes: Some(14),
        file_bytes: Some(15),
        ..WriteProperties::default()
    };
    assert_eq!(read(&all), expected);
    for key in keys {
        for value in ["0", "-1", "1.5", "128MB", "", " 1", "99999999999999999999999"] {
            let error = WriteProperties::of(&properties(&[(key, value)])).unwrap_err();
            assert_eq!((error.key.as_str(), error.value.as_str()), (key, value));
        }
    }
}

#[test]
fn what_cannot_be_followed_is_refused_and_what_only_helps_readers_is_named() {
    let refused = |key, value| WriteProperties::of(&properties(&[(key, value)])).unwrap_err().to_string();
    assert_eq!(
        refused("write.format.default", "orc"),
        "its property write.format.default is \"orc\", and this version takes parquet"
    );
    assert!(refused("write.metadata.compression-codec", "zstd").contains("none and gzip"));
    read(&[("write.format.default", "PARQUET"), ("write.metadata.compression-codec", "GZIP")]);
    assert!(read(&[("write.object-storage.enabled", "True")]).hashed_names);
    assert!(!read(&[("write.object-storage.enabled", "yes")]).hashed_names);
    let helpful = [
        ("write.location-provider.impl", "com.example.Names"),
        ("write.metadata.metrics.default", "some"),
        ("write.parquet.bloom-filter-enabled.column.id", "true"),
        ("write.parquet.bloom-filter-enabled.column.other", "false"),
    ];
    assert_eq!(
        read(&helpful).neglected,
        [
            "write.location-provider.impl = com.example.Names",
            "write.parquet.bloom-filter-enabled.column.id = true",
            "write.metadata.metrics.default = some",
        ]
    );
}

/// Two strings of 40 letters, a number and a double in a struct.
fn schema() -> Schema {
    let columns = [("text", "string"), ("number", "long"), ("inner", "struct<text:string,d:double>")];
    schema_of(&columns.map(|(name, kind)| Column::optional(name, kind.parse().unwrap()))).unwrap()
}

fn statistics(pairs: &[(&str, &str)]) -> BTreeMap<String, ColumnStatistics> {
    let (schema, modes) = (schema(), read(pairs).metrics);
    let arrow = arrow_schema(&schema).unwrap();
    let texts = || Arc::new(StringArray::from(vec!["m".repeat(40), "n".repeat(40)])) as ArrayRef;
    let doubles = Arc::new(Float64Array::from(vec![0.5, f64::NAN])) as ArrayRef;
    let arrow::datatypes::DataType::Struct(fields) = arrow.field(2).data_type() else { panic!("a struct") };
    let inner = arrow::array::StructArray::new(fields.clone(), vec![texts(), doubles], None);
    let columns: Vec<ArrayRef> = vec![texts(), Arc::new(Int64Array::from(vec![1, 2])), Arc::new(inner)];
    let bounds = WriterProperties::builder().set_statistics_truncate_length(modes.footer_bound_bytes()).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), arrow.clone(), Some(bounds)).unwrap();
    writer.write(&RecordBatch::try_new(arrow, columns).unwrap()).unwrap();
    let nans = BTreeMap::from([(schema.field_id_by_name("inner.d").unwrap(), 1)]);
    let found = FileStatistics::from_parquet(&schema, &writer.close().unwrap(), &nans, &modes);
    let name = |id: &i32| schema.name_by_field_id(*id).unwrap().to_owned();
    found.columns.iter().map(|(id, column)| (name(id), column.clone())).collect()
}

#[test]
fn metrics_follow_each_column_s_mode() {
    let found = statistics(&[
        ("write.metadata.metrics.default", "truncate(3)"),
        ("write.metadata.metrics.column.number", "none"),
        ("write.metadata.metrics.column.inner.text", "FULL"),
        ("write.metadata.metrics.column.inner.d", "counts"),
        ("write.metadata.metrics.column.gone", "full"),
    ]);
    let text = &found["text"];
    assert_eq!((text.lower.as_deref(), text.upper.as_deref()), (Some(&b"mmm"[..]), Some(&b"nno"[..])));
    assert_eq!((text.values, text.nulls), (Some(2), Some(0)));
    let whole = &found["inner.text"];
    assert_eq!(whole.lower.as_deref(), Some("m".repeat(40).as_bytes()));
    assert_eq!(whole.upper.as_deref(), Some("n".repeat(40).as_bytes()));
    let number = &found["number"];
    assert!(number.bytes > 0, "sizes are always there");
    assert_eq!(number, &ColumnStatistics { bytes: number.bytes, ..ColumnStatistics::default() });
    let double = &found["inner.d"];
    assert_eq!((double.values, double.nans, &double.lower), (Some(2), Some(1), &None));
}

#[test]
fn without_a_default_the_first_columns_have_bounds() {
    let bounded = |pairs: &[(&str, &str)]| -> Vec<String> {
        let found = statistics(pairs);
        assert!(found.values().all(|column| column.values == Some(2)));
        found.into_iter().filter(|(_, column)| column.lower.is_some()).map(|(name, _)| name).collect()
    };
    assert_eq!(bounded(&[]), ["inner.d", "inner.text", "number", "text"]);
    let two = ("write.metadata.metrics.max-inferred-column-defaults", "2");
    assert_eq!(bounded(&[two]), ["number", "text"]);
    assert_eq!(bounded(&[two, ("write.metadata.metrics.column.inner.d", "full")]), ["inner.d", "number", "text"]);
    assert_eq!(bounded(&[two, ("write.metadata.metrics.default", "full")]).len(), 4);
    assert!(WriteProperties::of(&properties(&[(two.0, "many")])).is_err());
}

#[test]
fn the_footer_keeps_what_the_modes_need() {
    let bytes = |mode| read(&[("write.metadata.metrics.column.a", mode)]).metrics.footer_bound_bytes();
    assert_eq!((bytes("counts"), bytes("truncate(2)")), (Some(64), Some(64)));
    assert_eq!((bytes("truncate(100)"), bytes("full")), (Some(400), None));
    assert_eq!(bytes("truncate(0)"), Some(64), "no such mode");
}
