//! Who has the last word on a file: configuration, table, memory.

use std::collections::BTreeMap;

use k2i_lakehouse::properties::Codec;

use super::*;

const MIB: usize = 1 << 20;

/// What the configuration says of the file's size, and the largest row group that memory allows.
fn files(file_bytes: Option<u64>, row_group_bytes: usize, properties: &[(&str, &str)]) -> Files {
    let own = WriterOptions { row_group_bytes, ..WriterOptions::default() };
    let properties: BTreeMap<_, _> =
        properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Files::decide(&own, file_bytes, &WriteProperties::of(&properties).expect("properties that can be followed"))
}

#[test]
fn where_the_table_says_nothing_files_are_as_they_always_were() {
    let expected = WriterOptions { row_group_bytes: 7 * MIB, ..WriterOptions::default() };
    let found = files(None, 7 * MIB, &[]);
    assert_eq!((found.options, found.file_bytes, found.hashed_names), (expected, 512 << 20, false));
}

#[test]
fn the_table_says_how_its_files_are_encoded() {
    let found = files(
        None,
        64 * MIB,
        &[
            ("write.parquet.compression-codec", "gzip"),
            ("write.parquet.compression-level", "3"),
            ("write.parquet.page-size-bytes", "65536"),
            ("write.parquet.page-row-limit", "100"),
            ("write.parquet.dict-size-bytes", "1024"),
            ("write.metadata.metrics.default", "full"),
            ("write.object-storage.enabled", "true"),
        ],
    );
    let WriterOptions { codec, page_bytes, page_rows, dictionary_bytes, bound_bytes, .. } = found.options;
    assert_eq!(codec, Codec::Gzip(3));
    assert_eq!((page_bytes, page_rows, dictionary_bytes, bound_bytes), (65_536, 100, 1024, None));
    assert!(found.hashed_names);
}

#[test]
fn the_configuration_goes_before_the_table_s_target_size() {
    let wanted = [("write.target-file-size-bytes", "1000000")];
    assert_eq!(files(None, MIB, &wanted).file_bytes, 1_000_000);
    assert_eq!(files(Some(5_000_000), MIB, &wanted).file_bytes, 5_000_000);
    assert_eq!(files(Some(500), MIB, &wanted).file_bytes, 500);
}

#[test]
fn memory_bounds_row_groups_whatever_the_table_asks_for() {
    let wanted = [("write.parquet.row-group-size-bytes", "134217728")];
    assert_eq!(files(None, 7 * MIB, &wanted).options.row_group_bytes, 7 * MIB);
    let wanted = [("write.parquet.row-group-size-bytes", "1000")];
    assert_eq!(files(None, 7 * MIB, &wanted).options.row_group_bytes, 1000);
}
