//! Files are read back with the parquet crate's own reader; what the footer says is held against the file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeBinaryArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, MapArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use k2i_domain::ids::{ChainKey, Incarnation, Instance, Partition, Sequence, SessionId, StreamId};
use k2i_domain::range::Offset;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowSchemaConverter, PARQUET_FIELD_ID_META_KEY};
use parquet::basic::{Compression, Encoding, LogicalType};
use parquet::column::page::Page;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::schema::printer::print_schema;
use parquet::schema::types::SchemaDescriptor;
use sha2::{Digest, Sha256};

use super::{
    Codec, EXTENSION_KEY, FileIdentity, FileOffsets, FileWriter, IntegerEncoding, UUID_EXTENSION, WriteError,
    WriterOptions,
};

const IDENTITY: FileIdentity = FileIdentity {
    instance: Instance(0x9f2c_4be1_a07d_3356),
    incarnation: Incarnation(2),
    session: SessionId(0xff),
    sequence: Sequence(17),
    file: 1,
};

fn field(id: i32, name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
        .with_metadata(HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string())]))
}

fn entries() -> Fields {
    vec![field(8, "key", DataType::Utf8).with_nullable(false), field(9, "value", DataType::Float32)].into()
}

fn item() -> Fields {
    vec![field(6, "x", DataType::Float64), field(10, "y", DataType::Int32)].into()
}

/// id, ts, name, items: list of structs with a double, shares: map to float.
fn schema() -> SchemaRef {
    let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
    Arc::new(Schema::new(vec![
        field(1, "id", DataType::Int64).with_nullable(false),
        field(2, "ts", zone),
        field(3, "name", DataType::Utf8),
        field(4, "items", DataType::List(Arc::new(field(5, "element", DataType::Struct(item()))))),
        field(7, "shares", DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entries()), false)), false)),
    ]))
}

/// `rows` rows from `start` on; every third is null where that is possible, and hides a NaN.
fn batch(start: i64, rows: i64) -> RecordBatch {
    let numbers: Vec<i64> = (start..start + rows).collect();
    let name = |i: &i64| (i % 3 != 0).then(|| format!("name {}", i * 7919 % 1000));
    let shown: NullBuffer = numbers.iter().map(|i| i % 3 != 0).collect::<Vec<_>>().into();
    let xs: Float64Array = numbers.iter().map(|i| if i % 2 == 0 { f64::NAN } else { *i as f64 }).collect();
    let ys: Int32Array = numbers.iter().map(|i| *i as i32).collect();
    let items = StructArray::new(item(), vec![Arc::new(xs), Arc::new(ys)], Some(shown.clone()));
    let lengths = || OffsetBuffer::from_lengths(std::iter::repeat_n(1, numbers.len()));
    let element = Arc::new(field(5, "element", DataType::Struct(item())));
    let lists = ListArray::new(element, lengths(), Arc::new(items), None);
    let keys = StringArray::from_iter_values(numbers.iter().map(|i| format!("k{i}")));
    let shares: Float32Array = numbers.iter().map(|i| if i % 5 == 0 { f32::NAN } else { 0.5 }).collect();
    let pairs = StructArray::new(entries(), vec![Arc::new(keys), Arc::new(shares)], None);
    let map_field = Arc::new(Field::new("key_value", DataType::Struct(entries()), false));
    let maps = MapArray::new(map_field, lengths(), pairs, Some(shown), false);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(numbers.clone())),
        Arc::new(TimestampMicrosecondArray::from(numbers.clone()).with_timezone("+00:00")),
        Arc::new(numbers.iter().map(name).collect::<StringArray>()),
        Arc::new(lists),
        Arc::new(maps),
    ];
    RecordBatch::try_new(schema(), columns).expect("columns of the schema")
}

fn chain(partition: i32) -> ChainKey {
    ChainKey { stream: StreamId(0), partition: Partition(partition) }
}

fn offsets(first: i64, last: i64, rows: u64) -> FileOffsets {
    FileOffsets { first: Offset(first), last: Offset(last), rows }
}

fn writer(path: &Path) -> FileWriter {
    FileWriter::create(path, &schema(), &WriterOptions::default()).expect("a new file")
}

fn read(path: &Path) -> RecordBatch {
    let options = ArrowReaderOptions::new().with_schema(schema());
    let file = File::open(path).expect("the file");
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).expect("a parquet file");
    let batches: Vec<_> = reader.build().expect("a reader").collect::<Result<_, _>>().expect("rows");
    concat_batches(&schema(), &batches).expect("one schema")
}

/// The footer as the file has it, page indexes aside.
fn footer(path: &Path) -> ParquetMetaData {
    SerializedFileReader::new(File::open(path).expect("the file")).expect("a parquet file").metadata().clone()
}

#[test]
fn what_was_written_is_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    let mut file = writer(&path);
    let all = batch(0, 3000);
    for start in (0..3000).step_by(1000) {
        file.write(&all.slice(start, 1000)).expect("a row group takes it");
        file.note_offsets(chain(1), offsets(start as i64 * 2, start as i64 * 2 + 1998, 500));
        file.note_offsets(chain(0), offsets(start as i64, start as i64 + 600, 500));
        if start == 1000 {
            assert_eq!(file.in_progress_rows(), 2000);
            assert!(file.memory_size() > 0 && file.bytes_written() < 100);
            file.flush_row_group().expect("the disk takes it");
            assert_eq!((file.in_progress_rows(), file.memory_size()), (0, 0));
            assert!(file.bytes_written() > 1000);
        }
    }
    assert_eq!(file.rows(), 3000);
    let sealed = file.seal(&IDENTITY).expect("a sealed file");
    assert_eq!(read(&path), all);

    let bytes = fs::read(&path).expect("the file");
    assert_eq!((sealed.rows, sealed.bytes, &sealed.path), (3000, bytes.len() as u64, &path));
    assert_eq!(sealed.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
    assert_eq!(sealed.offsets[&chain(1)], offsets(0, 5998, 1500));

    let footer = footer(&path);
    for (read, sealed) in footer.row_groups().iter().zip(sealed.metadata.row_groups()) {
        assert_eq!((read.num_rows(), read.file_offset()), (sealed.num_rows(), sealed.file_offset()));
        for (read, sealed) in read.columns().iter().zip(sealed.columns()) {
            let bounds = |statistics: Option<&Statistics>| {
                let statistics = statistics.expect("statistics");
                let bounds = [statistics.min_bytes_opt(), statistics.max_bytes_opt()];
                (bounds.map(|bound| bound.map(<[u8]>::to_vec)), statistics.null_count_opt())
            };
            assert_eq!(bounds(read.statistics()), bounds(sealed.statistics()));
            assert_eq!((read.compressed_size(), read.num_values()), (sealed.compressed_size(), sealed.num_values()));
            assert_eq!(read.column_descr().self_type(), sealed.column_descr().self_type());
        }
    }
    let rows: Vec<_> = footer.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows, [2000, 1000]);
    let entry = |key: &str| {
        let entries = footer.file_metadata().key_value_metadata().expect("entries");
        entries.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.clone()).expect("a value")
    };
    assert_eq!(entry("k2i.manifest"), r#"["9f2c4be1a07d3356",2,"00000000000000ff",17,1]"#);
    assert_eq!(entry("k2i.offsets"), "[[0,0,0,2600,1500],[0,1,0,5998,1500]]");
}

#[test]
fn every_leaf_has_its_field_id_and_its_nans() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    let mut file = writer(&path);
    // A slice, so that children begin before the rows that count.
    file.write(&batch(0, 90).slice(30, 60)).expect("a row group takes it");
    file.note_offsets(chain(0), offsets(30, 89, 60));
    let sealed = file.seal(&IDENTITY).expect("a sealed file");

    let footer = footer(&path);
    let ids: BTreeSet<_> =
        footer.row_group(0).columns().iter().map(|c| c.column_descr().self_type().get_basic_info().id()).collect();
    assert_eq!(ids, BTreeSet::from([1, 2, 3, 6, 8, 9, 10]));
    let schema = footer.file_metadata().schema_descr().root_schema().get_fields();
    let roots: Vec<_> = schema.iter().map(|field| field.get_basic_info().id()).collect();
    assert_eq!(roots, [1, 2, 3, 4, 7]);
    let element = &schema[3].get_fields()[0].get_fields()[0];
    assert_eq!((element.name(), element.get_basic_info().id()), ("element", 5));

    let shown = |i: &i64| i % 3 != 0;
    let doubles = (30..90).filter(shown).filter(|i| i % 2 == 0).count() as u64;
    let floats = (30..90).filter(shown).filter(|i| i % 5 == 0).count() as u64;
    assert_eq!(sealed.nan_counts, BTreeMap::from([(6, doubles), (9, floats)]));
}

fn one_column(data_type: DataType, column: ArrayRef, options: &WriterOptions) -> (tempfile::TempDir, ParquetMetaData) {
    one_field(field(1, "f", data_type), column, options)
}

fn one_field(field: Field, column: ArrayRef, options: &WriterOptions) -> (tempfile::TempDir, ParquetMetaData) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).expect("a batch");
    let mut file = FileWriter::create(&path, &schema, options).expect("a new file");
    file.write(&batch).expect("a row group takes it");
    file.note_offsets(chain(0), offsets(0, 0, batch.num_rows() as u64));
    file.seal(&IDENTITY).expect("a sealed file");
    let footer = footer(&path);
    (folder, footer)
}

#[test]
fn columns_are_encoded_by_type() {
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from_iter_values(0..10_000)) };
    let encodings = |footer: &ParquetMetaData| footer.row_group(0).column(0).encodings().collect::<Vec<_>>();
    let delta = WriterOptions { integers: IntegerEncoding::Delta, ..WriterOptions::default() };
    let (_folder, packed) = one_column(DataType::Int64, numbers(), &delta);
    assert!(encodings(&packed).contains(&Encoding::DELTA_BINARY_PACKED), "{:?}", encodings(&packed));
    assert!(packed.row_group(0).column(0).compressed_size() < 1000, "offsets almost vanish");
    assert!(
        matches!(packed.row_group(0).column(0).compression(), Compression::ZSTD(level) if level.compression_level() == 1)
    );
    let (_folder, plain) = one_column(DataType::Int64, numbers(), &WriterOptions::default());
    assert!(encodings(&plain).contains(&Encoding::PLAIN) && !encodings(&plain).contains(&Encoding::RLE_DICTIONARY));

    let few: ArrayRef = Arc::new(StringArray::from_iter_values((0..10_000).map(|i| format!("country {}", i % 50))));
    let (_folder, few) = one_column(DataType::Utf8, few, &WriterOptions::default());
    assert!(encodings(&few).contains(&Encoding::RLE_DICTIONARY), "{:?}", encodings(&few));
}

#[test]
fn every_codec_is_written_and_read_back() {
    for (codec, shown) in [
        (Codec::Zstd(22), "ZSTD(ZstdLevel(22))"),
        (Codec::Gzip(9), "GZIP(GzipLevel(9))"),
        (Codec::Snappy, "SNAPPY"),
        (Codec::Lz4, "LZ4_RAW"),
        (Codec::Uncompressed, "UNCOMPRESSED"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.parquet");
        let options = WriterOptions { codec, ..WriterOptions::default() };
        let mut file = FileWriter::create(&path, &schema(), &options).expect("a new file");
        file.write(&batch(0, 3000)).expect("a row group takes it");
        file.note_offsets(chain(0), offsets(0, 2999, 3000));
        let sealed = file.seal(&IDENTITY).expect("a sealed file");
        assert_eq!(read(&path), batch(0, 3000), "{codec:?}");
        let column = sealed.metadata.row_group(0).column(0);
        let kind = format!("{:?}", column.compression());
        // A footer does not say the level.
        assert_eq!(kind.split('(').next(), shown.split('(').next());
        let smaller = column.compressed_size() < column.uncompressed_size();
        assert_eq!(smaller, codec != Codec::Uncompressed, "{codec:?}");
    }
}

#[test]
fn pages_dictionaries_and_bounds_have_the_size_that_is_asked_for() {
    // 10,000 values of 68 bytes.
    let pages = |options: &WriterOptions| {
        let (folder, _) = one_column(DataType::Utf8, noise(0, 10_000), options);
        let file = File::open(folder.path().join("a.parquet")).expect("the file");
        let read = SerializedFileReader::new(file).expect("a parquet file");
        let group = read.get_row_group(0).expect("a row group");
        let mut pages = group.get_column_page_reader(0).expect("its pages");
        let encodings = std::iter::from_fn(|| pages.get_next_page().expect("a page")).map(|page| match page {
            Page::DictionaryPage { .. } => None,
            data => Some(data.encoding()),
        });
        encodings.collect::<Vec<_>>()
    };
    let large = WriterOptions { dictionary_bytes: 4 << 20, ..WriterOptions::default() };
    assert!(!pages(&large).contains(&Some(Encoding::PLAIN)), "all of it fits the dictionary");
    let few = WriterOptions { dictionary_bytes: 1000, ..WriterOptions::default() };
    assert!(pages(&few).contains(&Some(Encoding::PLAIN)), "the dictionary is given up");
    let by_bytes = WriterOptions { page_bytes: 64 * 1024, ..few.clone() };
    let by_rows = WriterOptions { page_rows: 500, ..few.clone() };
    let (usual, small, short) = (pages(&few).len(), pages(&by_bytes).len(), pages(&by_rows).len());
    assert!(usual <= 4 && small >= 9 && short >= 20, "{usual}, {small} and {short} pages");

    let long = "x".repeat(1000);
    let column: ArrayRef = Arc::new(StringArray::from(vec![long.as_str()]));
    let whole = WriterOptions { bound_bytes: None, ..WriterOptions::default() };
    let (_folder, footer) = one_column(DataType::Utf8, column, &whole);
    let statistics = footer.row_group(0).column(0).statistics().expect("statistics");
    assert_eq!(statistics.max_bytes_opt(), Some(long.as_bytes()));
}

#[test]
fn uuids_are_told_apart() {
    let bytes = |id, name: &str| field(id, name, DataType::FixedSizeBinary(16));
    let uuid = |id, name: &str| {
        let mut metadata = bytes(id, name).metadata().clone();
        metadata.insert(EXTENSION_KEY.to_owned(), UUID_EXTENSION.to_owned());
        bytes(id, name).with_metadata(metadata)
    };
    let pair: Fields = vec![field(7, "key", DataType::Utf8).with_nullable(false), uuid(8, "value")].into();
    let entries = Field::new("key_value", DataType::Struct(pair), false);
    let inner: Fields = vec![uuid(5, "u"), bytes(9, "b")].into();
    let fields = vec![
        uuid(1, "u").with_nullable(false),
        bytes(2, "b"),
        field(3, "l", DataType::List(Arc::new(field(4, "element", DataType::Struct(inner))))),
        field(6, "m", DataType::Map(Arc::new(entries), false)),
    ];
    let schema = Arc::new(Schema::new(fields));
    let annotated = super::schema::parquet_schema(&schema).expect("a schema");
    let leaves: Vec<_> = annotated
        .columns()
        .iter()
        .map(|leaf| {
            (
                leaf.path().string(),
                leaf.self_type().get_basic_info().id(),
                leaf.logical_type_ref() == Some(&LogicalType::Uuid),
            )
        })
        .collect();
    let leaf = |path: &str, id, uuid| (path.to_owned(), id, uuid);
    assert_eq!(
        leaves,
        [
            leaf("u", 1, true),
            leaf("b", 2, false),
            leaf("l.list.element.u", 5, true),
            leaf("l.list.element.b", 9, false),
            leaf("m.key_value.key", 7, false),
            leaf("m.key_value.value", 8, true),
        ]
    );
    // But for the annotations it is what Arrow makes of it.
    let plain = ArrowSchemaConverter::new().schema_root("table").convert(&schema).expect("a schema");
    let text = |schema: &SchemaDescriptor| {
        let mut text = Vec::new();
        print_schema(&mut text, schema.root_schema());
        String::from_utf8(text).expect("text").replace(" (UUID)", "")
    };
    assert_eq!(text(&annotated), text(&plain));
    let levels = |schema: &SchemaDescriptor| {
        schema.columns().iter().map(|leaf| (leaf.max_def_level(), leaf.max_rep_level())).collect::<Vec<_>>()
    };
    assert_eq!(levels(&annotated), levels(&plain));

    let ids = FixedSizeBinaryArray::try_from_iter([[7_u8; 16], [9; 16]].into_iter()).expect("an array");
    let (_folder, footer) = one_field(uuid(1, "f"), Arc::new(ids), &WriterOptions::default());
    assert_eq!(footer.row_group(0).column(0).column_descr().logical_type_ref(), Some(&LogicalType::Uuid));
}

#[test]
fn bounds_hold_where_they_are_cut() {
    let low = format!("b{}", "a".repeat(100));
    let high = format!("y{}é{}", "z".repeat(62), "z".repeat(100));
    let column: ArrayRef = Arc::new(StringArray::from(vec![Some(high.as_str()), None, Some(low.as_str())]));
    let (_folder, footer) = one_column(DataType::Utf8, column, &WriterOptions::default());
    let Some(Statistics::ByteArray(statistics)) = footer.row_group(0).column(0).statistics() else {
        panic!("a string column has statistics")
    };
    let (min, max) = (statistics.min_opt().expect("a bound"), statistics.max_opt().expect("a bound"));
    assert!(min.len() <= 64 && max.len() <= 64, "they are cut");
    assert!(min.data() <= low.as_bytes() && max.data() >= high.as_bytes(), "{min:?} {max:?}");
    assert!(!statistics.min_is_exact() && !statistics.max_is_exact());
    assert_eq!(statistics.null_count_opt(), Some(1));

    // No text of 64 bytes is above this one, so it is not cut.
    let highest = "\u{10ffff}".repeat(40);
    let column: ArrayRef = Arc::new(StringArray::from(vec![highest.as_str()]));
    let (_folder, footer) = one_column(DataType::Utf8, column, &WriterOptions::default());
    let statistics = footer.row_group(0).column(0).statistics().expect("statistics");
    assert!(statistics.max_bytes_opt().expect("a bound") >= highest.as_bytes());
}

/// Names that neither repeat nor compress well.
fn noise(start: u64, rows: u64) -> ArrayRef {
    let name = |i: u64| hex(&Sha256::digest(i.to_le_bytes()));
    Arc::new(StringArray::from_iter_values((start..start + rows).map(name)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The most memory that 50,000 rows of 64 bytes take, and the row groups they make.
fn write_noise(options: &WriterOptions) -> (usize, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Arc::new(Schema::new(vec![field(1, "f", DataType::Utf8)]));
    let mut file = FileWriter::create(&folder.path().join("a.parquet"), &schema, options).expect("a new file");
    let mut most = 0;
    for start in 0..50 {
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![noise(start * 1000, 1000)]).expect("a batch");
        file.write(&batch).expect("a row group takes it");
        most = most.max(file.memory_size());
        assert!(file.in_progress_bytes() > 0 || file.bytes_written() > 0);
    }
    file.note_offsets(chain(0), offsets(0, 49_999, 50_000));
    (most, file.seal(&IDENTITY).expect("a sealed file").metadata.num_row_groups())
}

#[test]
fn row_groups_bound_memory() {
    let (whole, one) = write_noise(&WriterOptions::default());
    assert!(whole > 1_500_000 && one == 1, "{whole} bytes, {one} row groups");
    let by_size = WriterOptions { row_group_bytes: 256 * 1024, ..WriterOptions::default() };
    let (most, groups) = write_noise(&by_size);
    assert!(most < 1_000_000 && groups > 5, "{most} bytes, {groups} row groups");
    let by_rows = WriterOptions { row_group_rows: 5000, ..WriterOptions::default() };
    let (most, groups) = write_noise(&by_rows);
    assert!(most < 1_000_000 && groups == 10, "{most} bytes, {groups} row groups");
}

#[test]
fn untouched_memory_is_not_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let fields: Vec<_> = (0..20).map(|i| field(i, &format!("f{i}"), DataType::Int64)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values((0..100).map(|i: i64| i.wrapping_mul(1 << 59))));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column; 20]).expect("a batch");
    let path = folder.path().join("a.parquet");
    let mut file = FileWriter::create(
        &path,
        &schema,
        &WriterOptions { integers: IntegerEncoding::Delta, ..WriterOptions::default() },
    )
    .expect("a new file");
    file.write(&batch).expect("a row group takes it");
    let counted = file.raw_memory_size();
    assert!((20 << 20..22 << 20).contains(&counted), "the encoder reserves something else: {counted} bytes");
    assert!((16_000..500_000).contains(&file.memory_size()), "{} bytes", file.memory_size());
    for _ in 0..250 {
        file.write(&batch).expect("a row group takes it");
    }
    // 25,000 rows of random longs: 20 columns of a page's 160 kB and what follows.
    assert!(file.memory_size() > 20 * 160_000, "{} bytes", file.memory_size());
}

#[test]
fn files_that_are_not_sealed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.parquet");
    let empty = writer(&path);
    assert!(matches!(FileWriter::create(&path, &schema(), &WriterOptions::default()), Err(WriteError::Io { .. })));
    assert!(matches!(empty.seal(&IDENTITY), Err(WriteError::Empty { .. })));

    let path = folder.path().join("b.parquet");
    let mut wrong = writer(&path);
    wrong.write(&batch(0, 10)).expect("a row group takes it");
    wrong.note_offsets(chain(0), offsets(0, 8, 9));
    assert!(matches!(wrong.seal(&IDENTITY), Err(WriteError::Offsets { rows: 10, noted: 9, .. })));

    let path = folder.path().join("c.parquet");
    let mut file = writer(&path);
    let other = Arc::new(Schema::new(vec![field(1, "id", DataType::Int64)]));
    let other = RecordBatch::try_new(other, vec![Arc::new(Int64Array::from(vec![1]))]).expect("a batch");
    assert!(matches!(file.write(&other), Err(WriteError::Schema { .. })));
    file.write(&batch(0, 10)).expect("a refused batch changes nothing");
    file.abandon().expect("it is removed");
    assert!(!path.exists());
    let nowhere = folder.path().join("nowhere").join("d.parquet");
    let error = FileWriter::create(&nowhere, &schema(), &WriterOptions::default()).expect_err("no such folder");
    assert_eq!(error.to_string(), format!("cannot create the file {}", nowhere.display()));
}

#[test]
fn a_full_disk_gives_the_file_up() {
    // Writing to it always fails with "no space left".
    let full = Path::new("/dev/full");
    let folder = tempfile::tempdir().expect("a folder");
    let mut file = writer(&folder.path().join("a.parquet"));
    file.replace_file(File::options().write(true).open(full).expect("linux has it"));
    file.write(&batch(0, 5000)).expect("it is in memory still");
    assert!(matches!(file.flush_row_group(), Err(WriteError::Encode { .. })));
    assert!(matches!(file.write(&batch(0, 10)), Err(WriteError::Failed { .. })));
    file.note_offsets(chain(0), offsets(0, 4999, 5000));
    assert!(matches!(file.seal(&IDENTITY), Err(WriteError::Failed { .. })));
}
