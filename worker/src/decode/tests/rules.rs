//! The rules of the module's page, each with what it takes and what it refuses.

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, TimeUnit};

use super::support::*;
use crate::decode::{
    DecodeErrorKind as Kind, DecodeOptions, DecodePlan, Decoder, HeaderRef, JSON_TEXT_DOC, MAX_DEPTH, MetadataColumns,
    OnNullValue, OnUnknownField, PlanError, Pushed, RecordRef,
};

fn takes(data_type: DataType, json: &str, expected: Cell) {
    let found = one(optional("f", data_type.clone()), &format!("{{\"f\":{json}}}"));
    assert_eq!(found, Ok(expected), "{data_type} from {json}");
}

fn refuses(data_type: DataType, json: &str, kind: Kind) {
    let error = one(optional("f", data_type.clone()), &format!("{{\"f\":{json}}}"))
        .expect_err(&format!("{data_type} must refuse {json}"));
    assert_eq!((error.kind(), error.path()), (kind, "f".to_owned()), "{data_type} from {json}: {error}");
}

#[test]
fn integers() {
    takes(DataType::Int64, "9223372036854775807", Cell::Int(i64::MAX));
    takes(DataType::Int64, "-9223372036854775808", Cell::Int(i64::MIN));
    takes(DataType::Int64, "-0", Cell::Int(0));
    takes(DataType::Int32, "-2147483648", Cell::Int(i32::MIN.into()));
    takes(DataType::Int64, "null", Cell::Null);
    refuses(DataType::Int64, "9223372036854775808", Kind::OutOfRange);
    refuses(DataType::Int64, "-9223372036854775809", Kind::OutOfRange);
    refuses(DataType::Int32, "2147483648", Kind::OutOfRange);
    for fraction in ["1.0", "1.5", "1e3", "1E0", "-0.0"] {
        refuses(DataType::Int64, fraction, Kind::Fraction);
        refuses(DataType::Int32, fraction, Kind::Fraction);
    }
    for other in ["\"1\"", "true", "[]", "{}", "[1]"] {
        refuses(DataType::Int64, other, Kind::WrongType);
    }
    for broken in ["01", "+1", "1.", ".5", "-", "1e", "0x1", "NaN", "Infinity", "1_000"] {
        let error = one(optional("f", DataType::Int64), &format!("{{\"f\":{broken}}}")).expect_err(broken);
        assert_eq!(error.kind(), Kind::Malformed, "{broken}: {error}");
    }
}

#[test]
fn floats() {
    takes(DataType::Float64, "0.1", Cell::Double(0.1));
    takes(DataType::Float64, "12", Cell::Double(12.0));
    takes(DataType::Float64, "9007199254740993", Cell::Double(9_007_199_254_740_992.0));
    takes(DataType::Float64, "1e-400", Cell::Double(0.0));
    takes(DataType::Float64, "1.7976931348623157e308", Cell::Double(f64::MAX));
    takes(DataType::Float64, "5e-324", Cell::Double(5e-324));
    takes(DataType::Float32, "16777217", Cell::Double(16_777_216.0));
    refuses(DataType::Float64, "1e309", Kind::OutOfRange);
    refuses(DataType::Float64, "-1e309", Kind::OutOfRange);
    refuses(DataType::Float32, "3.5e38", Kind::OutOfRange);
    refuses(DataType::Float64, "\"1.5\"", Kind::WrongType);
    refuses(DataType::Float64, "\"NaN\"", Kind::WrongType);
    let zero = one(optional("f", DataType::Float64), r#"{"f":-0.0}"#);
    assert!(matches!(zero, Ok(Cell::Double(zero)) if zero == 0.0 && zero.is_sign_negative()));
}

#[test]
fn decimals() {
    let money = || DataType::Decimal128(9, 2);
    for (json, cents) in [
        ("12.34", 1234),
        ("\"12.34\"", 1234),
        ("-0.5", -50),
        ("1.500", 150),
        ("1e5", 10_000_000),
        ("123e-2", 123),
        ("1234500e-4", 12345),
        ("0e999999999999999999999", 0),
        ("0.00", 0),
        ("-0", 0),
        ("9999999.99", 999_999_999),
        ("0.0000000000000000000000000000000000000000000000e46", 0),
        ("0.00000000000000000000000000000000000000000000001e47", 100),
    ] {
        takes(money(), json, Cell::Decimal(cents));
    }
    refuses(money(), "1.005", Kind::Fraction);
    refuses(money(), "\"1e-3\"", Kind::Fraction);
    refuses(money(), "1e-99999999999999999999", Kind::Fraction);
    refuses(money(), "10000000", Kind::OutOfRange);
    refuses(money(), "1e99999999999999999999", Kind::OutOfRange);
    refuses(money(), "1e40", Kind::OutOfRange);
    for text in ["\"\"", "\"1.\"", "\" 1\"", "\"1 \"", "\"+1\"", "\"abc\"", "\"1,5\"", "\"null\""] {
        refuses(money(), text, Kind::BadText);
    }
    refuses(money(), "true", Kind::WrongType);
    let widest = "99999999999999999999999999999999999999";
    takes(DataType::Decimal128(38, 0), widest, Cell::Decimal(10_i128.pow(38) - 1));
    refuses(DataType::Decimal128(38, 0), &format!("{widest}9"), Kind::OutOfRange);
    refuses(DataType::Decimal128(38, 0), &format!("1{}", "0".repeat(38)), Kind::OutOfRange);
}

#[test]
fn dates_and_times() {
    takes(DataType::Date32, "\"1970-01-01\"", Cell::Int(0));
    takes(DataType::Date32, "\"2024-02-29\"", Cell::Int(19_782));
    takes(DataType::Date32, "\"1969-12-31\"", Cell::Int(-1));
    takes(DataType::Date32, "\"0001-01-01\"", Cell::Int(-719_162));
    takes(DataType::Date32, "\"9999-12-31\"", Cell::Int(2_932_896));
    for bad in [
        "2023-02-29",
        "1900-02-29",
        "2024-13-01",
        "2024-00-01",
        "2024-04-31",
        "2024-1-1",
        "20240101",
        "2024-01-01 ",
        "",
    ] {
        refuses(DataType::Date32, &format!("\"{bad}\""), Kind::BadText);
    }
    refuses(DataType::Date32, "19782", Kind::WrongType);

    let time = || DataType::Time64(TimeUnit::Microsecond);
    takes(time(), "\"00:00:00\"", Cell::Int(0));
    takes(time(), "\"23:59:59.999999\"", Cell::Int(86_399_999_999));
    takes(time(), "\"01:02:03.5\"", Cell::Int(3_723_500_000));
    for bad in ["24:00:00", "23:60:00", "23:59:60", "23:59", "23:59:59.", "23:59:59.1234567", "23:59:59Z"] {
        refuses(time(), &format!("\"{bad}\""), Kind::BadText);
    }
}

#[test]
fn timestamps() {
    let zoned = timestamptz;
    let plain = || DataType::Timestamp(TimeUnit::Microsecond, None);
    let instant = Cell::Int(1_510_871_468_123_456);
    takes(plain(), "\"2017-11-16T22:31:08.123456\"", instant.clone());
    takes(zoned(), "\"2017-11-16T22:31:08.123456Z\"", instant.clone());
    takes(zoned(), "\"2017-11-16 22:31:08.123456000+00:00\"", instant.clone());
    takes(zoned(), "\"2017-11-17t00:01:08.123456+01:30\"", instant.clone());
    takes(zoned(), "\"2017-11-16T16:31:08.123456-06:00\"", instant);
    takes(zoned(), "\"1969-12-31T23:59:59.9z\"", Cell::Int(-100_000));
    for bad in [
        "2017-11-16T22:31:08",
        "2017-11-16",
        "2017-11-16T22:31Z",
        "2017-11-16T22:31:08.1234567Z",
        "2017-11-16T22:31:08+0100",
        "2017-11-16T22:31:08+24:00",
        "2017-11-16T22:31:60Z",
        "1510871468123",
    ] {
        refuses(zoned(), &format!("\"{bad}\""), Kind::BadText);
    }
    refuses(plain(), "\"2017-11-16T22:31:08Z\"", Kind::BadText);
    refuses(plain(), "\"2017-11-16T22:31:08+00:00\"", Kind::BadText);
    refuses(zoned(), "1510871468123", Kind::WrongType);
}

#[test]
fn strings_and_bytes() {
    takes(DataType::Utf8, "\"\"", Cell::Text(String::new()));
    takes(DataType::Utf8, r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00ü""#, Cell::Text("a\"\\/\u{8}\u{c}\n\r\té😀ü".into()));
    for other in ["1", "true", "[]", "{}", "[\"a\"]"] {
        refuses(DataType::Utf8, other, Kind::WrongType);
    }
    for broken in [
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\ud83d""#,
        r#""\ud83dx""#,
        r#""\ud83d\u0041""#,
        r#""\ude00""#,
        "\"\u{1}\"",
        "\"a\nb\"",
    ] {
        refuses(DataType::Utf8, broken, Kind::Malformed);
    }
    takes(DataType::LargeBinary, "\"AAEC/w==\"", Cell::Bytes(vec![0, 1, 2, 255]));
    takes(DataType::LargeBinary, "\"\"", Cell::Bytes(vec![]));
    for bad in ["AAEC/w", "AAEC_w==", "!", "AAEC/w==\\n"] {
        refuses(DataType::LargeBinary, &format!("\"{bad}\""), Kind::BadText);
    }
    takes(DataType::FixedSizeBinary(4), "\"AAEC/w==\"", Cell::Bytes(vec![0, 1, 2, 255]));
    refuses(DataType::FixedSizeBinary(3), "\"AAEC/w==\"", Kind::BadText);
    let uuid: Vec<u8> = (0..16).map(|i| i * 17).collect();
    takes(DataType::FixedSizeBinary(16), "\"00112233-4455-6677-8899-AABBccddeeff\"", Cell::Bytes(uuid.clone()));
    takes(DataType::FixedSizeBinary(16), "\"ABEiM0RVZneImaq7zN3u/w==\"", Cell::Bytes(uuid));
    refuses(DataType::FixedSizeBinary(16), "\"00112233445566778899aabbccddeeff\"", Kind::BadText);
    refuses(DataType::FixedSizeBinary(16), "\"00112233-4455-6677-8899-AABBccddeef\"", Kind::BadText);
    takes(DataType::Boolean, "true", Cell::Bool(true));
    refuses(DataType::Boolean, "\"true\"", Kind::WrongType);
    refuses(DataType::Boolean, "1", Kind::WrongType);
    refuses(DataType::Boolean, "tru", Kind::Malformed);
}

#[test]
fn json_text_keeps_the_spelling() {
    for text in [r#"{"a": [1, 2.50],"a":null}"#, "1.0e2", "\"x\\u0041\"", "true", "[]"] {
        let json = format!("{{\"f\": {text} }}");
        assert_eq!(one(json_text("f"), &json), Ok(Cell::Text(text.to_owned())));
    }
    assert_eq!(one(json_text("f"), r#"{"f":null}"#), Ok(Cell::Null));
    let doc = [("doc".to_owned(), format!("as inferred: {JSON_TEXT_DOC}"))].into();
    let field = optional("f", DataType::Utf8).with_metadata(doc);
    assert_eq!(one(field, r#"{"f":[1]}"#), Ok(Cell::Text("[1]".to_owned())));
    let broken = one(json_text("f"), r#"{"f":{"a":[1,]}}"#).expect_err("it is no json");
    assert_eq!((broken.kind(), broken.path()), (Kind::Malformed, "f".to_owned()));
}

#[test]
fn nested_values_and_their_paths() {
    let inner = DataType::Struct(vec![optional("c", DataType::Int64), required("d", DataType::Boolean)].into());
    let field = || optional("a", DataType::Struct(vec![optional("b", list(optional("", inner.clone())))].into()));
    let good = one(field(), r#"{"a":{"b":[{"d":true,"c":1},null,{"d":false}]}}"#);
    let item = |c, d| Cell::Struct(vec![c, Cell::Bool(d)]);
    let items = vec![item(Cell::Int(1), true), Cell::Null, item(Cell::Null, false)];
    assert_eq!(good, Ok(Cell::Struct(vec![Cell::List(items)])));
    for (json, kind, path) in [
        (r#"{"a":{"b":[{"d":true},{"d":true,"c":"x"}]}}"#, Kind::WrongType, "a.b[1].c"),
        (r#"{"a":{"b":[{"c":1}]}}"#, Kind::MissingField, "a.b[0].d"),
        (r#"{"a":{"b":[{"d":null}]}}"#, Kind::NullField, "a.b[0].d"),
        (r#"{"a":{"b":[{"d":true,"e":1}]}}"#, Kind::UnknownField, "a.b[0].e"),
        (r#"{"a":{"b":[{"d":true,"d":true}]}}"#, Kind::DuplicateField, "a.b[0].d"),
        (r#"{"a":{"b":[],"b":[]}}"#, Kind::DuplicateField, "a.b"),
        (r#"{"a":{"b":{}}}"#, Kind::WrongType, "a.b"),
        (r#"{"a":[]}"#, Kind::WrongType, "a"),
        (r#"{"a":null,"a":null}"#, Kind::DuplicateField, "a"),
    ] {
        let error = one(field(), json).expect_err(json);
        assert_eq!((error.kind(), error.path().as_str()), (kind, path), "{json}: {error}");
    }
    let counts = || optional("m", map(required("", DataType::Int64)));
    let entries = vec![("b".to_owned(), Cell::Int(1)), ("a\"".to_owned(), Cell::Int(2))];
    assert_eq!(one(counts(), r#"{"m":{"b":1,"a\"":2}}"#), Ok(Cell::Map(entries)));
    let error = one(counts(), r#"{"m":{"b":1,"a":null}}"#).expect_err("the value is required");
    assert_eq!((error.kind(), error.path().as_str()), (Kind::NullField, "m[\"a\"]"));
    let error = one(counts(), r#"{"m":{"b":1,"a":2,"\u0062":3}}"#).expect_err("b comes twice");
    assert_eq!((error.kind(), error.path().as_str()), (Kind::DuplicateField, "m[\"b\"]"));
}

#[test]
fn whole_records() {
    let field = || optional("f", DataType::Int64);
    for (json, kind) in [
        ("", Kind::Malformed),
        ("  ", Kind::Malformed),
        ("{", Kind::Malformed),
        ("{\"f\":1", Kind::Malformed),
        ("{\"f\":1}}", Kind::Malformed),
        ("{\"f\":1} x", Kind::Malformed),
        ("{\"f\":1},{\"f\":2}", Kind::Malformed),
        ("{\"f\":1,}", Kind::Malformed),
        ("{,\"f\":1}", Kind::Malformed),
        ("{\"f\" 1}", Kind::Malformed),
        ("{f:1}", Kind::Malformed),
        ("{'f':1}", Kind::Malformed),
        ("\u{feff}{\"f\":1}", Kind::Malformed),
        ("null x", Kind::Malformed),
        ("[]", Kind::WrongType),
        ("\"f\"", Kind::WrongType),
        ("1", Kind::WrongType),
    ] {
        assert_eq!(one(field(), json).expect_err(json).kind(), kind, "{json}");
    }
    assert_eq!(one(field(), " \t\r\n{ \"f\" : 1 } \n"), Ok(Cell::Int(1)));
    assert_eq!(one(field(), r#"{"\u0066":1}"#), Ok(Cell::Int(1)));
    let mut decoder = decoder(&schema(vec![field()]), DecodeOptions::default());
    let error = decoder.push(record(Some(b"{\"f\":1,\"x\":\"\xff\"}"))).expect_err("it is not utf-8");
    assert_eq!((error.kind(), error.found()), (Kind::InvalidUtf8, "byte 0xff at byte 12"));
}

#[test]
fn nesting_is_bounded() {
    let deep = |levels: usize| format!("{{\"f\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let levels = MAX_DEPTH as usize;
    assert_eq!(one(json_text("f"), &deep(levels)), Ok(Cell::Text(deep(levels)[5..2 * levels + 3].to_owned())));
    assert_eq!(one(json_text("f"), &deep(levels + 1)).expect_err("too deep").kind(), Kind::TooDeep);
    assert_eq!(one(json_text("f"), &deep(100_000)).expect_err("too deep").kind(), Kind::TooDeep);
}

#[test]
fn unknown_fields() {
    let fields = || schema(vec![optional("f", DataType::Int64)]);
    let mut strict = decoder(&fields(), DecodeOptions::default());
    for empty in ["null", "[]", "{}", "[null,[]]", r#"{"a":null,"b":[{}]}"#] {
        assert_eq!(push(&mut strict, &format!("{{\"x\":{empty},\"f\":1}}")), Ok(Pushed::Row), "{empty}");
    }
    let long = format!(r#"{{"f":1,"x":"{}"}}"#, "y".repeat(500));
    let error = push(&mut strict, &long).expect_err("x is unknown");
    assert_eq!((error.kind(), error.path().as_str()), (Kind::UnknownField, "x"));
    assert_eq!(error.found(), format!("\"{}...", "y".repeat(79)));
    assert!(push(&mut strict, r#"{"F":1}"#).is_err(), "upper and lower case are different");
    let options = DecodeOptions { on_unknown_field: OnUnknownField::Ignore, ..DecodeOptions::default() };
    let mut lenient = decoder(&fields(), options);
    assert_eq!(push(&mut lenient, r#"{"x":{"f":[2]},"f":1,"x":3}"#), Ok(Pushed::Row));
    assert_eq!(push(&mut lenient, r#"{"x":{"f":[2,]},"f":1}"#).expect_err("bad json").kind(), Kind::Malformed);
    assert_eq!(rows(&lenient.finish()), [[Cell::Int(1)]]);
}

#[test]
fn null_records() {
    let fields = || schema(vec![optional("f", DataType::Int64)]);
    let with = |on_null_value| decoder(&fields(), DecodeOptions { on_null_value, ..DecodeOptions::default() });
    for value in [None, Some(&b"null"[..]), Some(&b" null "[..])] {
        let mut decoder = with(OnNullValue::Row);
        assert_eq!(decoder.push(record(value)), Ok(Pushed::Row));
        assert_eq!(rows(&decoder.finish()), [[Cell::Null]]);
        let mut decoder = with(OnNullValue::Skip);
        assert_eq!(decoder.push(record(value)), Ok(Pushed::Skipped));
        assert_eq!(decoder.finish().num_rows(), 0);
        let mut decoder = with(OnNullValue::Stop);
        assert_eq!(decoder.push(record(value)).map_err(|error| error.kind()), Err(Kind::NullValue));
    }
    let mut strict = decoder(&schema(vec![required("f", DataType::Int64)]), DecodeOptions::default());
    let error = strict.push(record(None)).expect_err("f is required");
    assert_eq!((error.kind(), error.path().as_str()), (Kind::NullField, "f"));
}

fn all_metadata() -> (Vec<Field>, MetadataColumns) {
    let header = vec![required("key", DataType::Utf8), optional("value", DataType::LargeBinary)];
    let fields = vec![
        optional("_topic", DataType::Utf8),
        required("_kafka_partition", DataType::Int32),
        optional("f", DataType::Int64),
        required("_kafka_offset", DataType::Int64),
        optional("_kafka_timestamp", timestamptz()),
        optional("_key", DataType::Utf8),
        optional("_headers", list(required("", DataType::Struct(header.into())))),
    ];
    let columns = MetadataColumns {
        topic: Some("_topic".to_owned()),
        key: Some("_key".to_owned()),
        headers: Some("_headers".to_owned()),
        ..MetadataColumns::default()
    };
    (fields, columns)
}

#[test]
fn metadata_columns() {
    let (fields, columns) = all_metadata();
    let plan = DecodePlan::new(&schema(fields), &columns, DecodeOptions::default()).expect("a good plan");
    let mut decoder = Decoder::new(&plan);
    let headers = [HeaderRef { key: "h", value: Some(b"\xff") }, HeaderRef { key: "h", value: None }];
    let first = RecordRef { key: Some(b"k"), headers: &headers, ..record(Some(b"{\"f\":1}")) };
    let second = RecordRef { timestamp_ms: None, ..record(None) };
    assert_eq!((decoder.push(first), decoder.push(second)), (Ok(Pushed::Row), Ok(Pushed::Row)));
    let bad_key = RecordRef { key: Some(b"\xff"), ..first };
    let error = decoder.push(bad_key).expect_err("the key is not utf-8");
    assert_eq!((error.kind(), error.path().as_str()), (Kind::InvalidUtf8, "_key"));
    let late = RecordRef { timestamp_ms: Some(i64::MAX), ..first };
    assert_eq!(decoder.push(late).map_err(|error| error.kind()), Err(Kind::OutOfRange));
    let forged = decoder.push(record(Some(b"{\"_kafka_offset\":1}"))).expect_err("it is no field of the record");
    assert_eq!(forged.kind(), Kind::UnknownField);
    let text = |text: &str| Cell::Text(text.to_owned());
    let header = |value| Cell::Struct(vec![text("h"), value]);
    let headers = Cell::List(vec![header(Cell::Bytes(vec![255])), header(Cell::Null)]);
    assert_eq!(
        rows(&decoder.finish()),
        [
            vec![
                text("orders"),
                Cell::Int(3),
                Cell::Int(1),
                Cell::Int(41),
                Cell::Int(1_700_000_000_123_000),
                text("k"),
                headers
            ],
            vec![text("orders"), Cell::Int(3), Cell::Null, Cell::Int(41), Cell::Null, Cell::Null, Cell::List(vec![])],
        ]
    );
}

#[test]
fn plans_that_cannot_be() {
    let plan = |fields, columns: &MetadataColumns| {
        DecodePlan::new(&schema(fields), columns, DecodeOptions::default()).map(|_| ())
    };
    let off = MetadataColumns::off();
    assert_eq!(plan(vec![], &off), Err(PlanError::NoColumns));
    for data_type in [
        DataType::Int8,
        DataType::UInt64,
        DataType::Timestamp(TimeUnit::Nanosecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into())),
        DataType::Struct(Vec::<Field>::new().into()),
        DataType::Utf8View,
    ] {
        let nested = DataType::Struct(vec![optional("b", list(optional("", data_type.clone())))].into());
        let found = plan(vec![optional("a", nested)], &off);
        let expected = PlanError::Unsupported { path: "a.b.element".to_owned(), found: data_type.to_string() };
        assert_eq!(found, Err(expected));
    }
    let twice = vec![optional("a", DataType::Int64), optional("a", DataType::Utf8)];
    assert_eq!(plan(twice, &off), Err(PlanError::Duplicate { path: "a".to_owned() }));
    let missing = plan(vec![optional("f", DataType::Int64)], &MetadataColumns::default());
    assert!(matches!(missing, Err(PlanError::MissingMetadata { name, .. }) if name == "_kafka_partition"));
    let (mut fields, columns) = all_metadata();
    fields[3] = required("_kafka_offset", DataType::Int32);
    assert!(matches!(plan(fields, &columns), Err(PlanError::MetadataType { name, .. }) if name == "_kafka_offset"));
    let options = DecodeOptions { batch_rows: 0, ..DecodeOptions::default() };
    let empty = DecodePlan::new(&schema(vec![optional("f", DataType::Int64)]), &off, options);
    assert!(matches!(empty, Err(PlanError::EmptyBatch)));
}

#[test]
fn batches_are_bounded() {
    let fields = schema(vec![optional("f", DataType::Utf8)]);
    let mut by_rows = decoder(&fields, DecodeOptions { batch_rows: 2, ..DecodeOptions::default() });
    for _ in 0..3 {
        assert_eq!(push(&mut by_rows, r#"{"f":"a"}"#), Ok(Pushed::Row));
        assert_eq!(push(&mut by_rows, r#"{"f":"b"}"#), Ok(Pushed::Row));
        assert_eq!(push(&mut by_rows, "not even json"), Ok(Pushed::Full));
        assert_eq!((by_rows.rows(), by_rows.finish().num_rows(), by_rows.rows()), (2, 2, 0));
    }
    // Nine bytes of JSON and four of the column's fixed part.
    let mut by_bytes = decoder(&fields, DecodeOptions { batch_bytes: 26, ..DecodeOptions::default() });
    assert_eq!(push(&mut by_bytes, r#"{"f":"a"}"#), Ok(Pushed::Row));
    assert_eq!(push(&mut by_bytes, r#"{"f":"b"}"#), Ok(Pushed::Row));
    assert_eq!(push(&mut by_bytes, r#"{"f":"c"}"#), Ok(Pushed::Full));
    let wide = schema((0..1000).map(|i| optional(&format!("f{i}"), DataType::Int64)).collect());
    let mut by_columns = decoder(&wide, DecodeOptions { batch_bytes: 80_000, ..DecodeOptions::default() });
    let pushed: Vec<_> = (0..11).map(|_| push(&mut by_columns, "{}")).collect();
    assert_eq!(pushed[9..], [Ok(Pushed::Row), Ok(Pushed::Full)], "empty records of many columns are not free");
}

#[test]
fn memory_is_accounted() {
    let fields = schema(vec![optional("f", DataType::Utf8), optional("g", list(optional("", DataType::Int64)))]);
    let mut decoder = decoder(&fields, DecodeOptions::default());
    let empty = decoder.bytes();
    let json = format!(r#"{{"f":"{}","g":[{}0]}}"#, "x".repeat(1000), "1,".repeat(99));
    for _ in 0..100 {
        assert_eq!(push(&mut decoder, &json), Ok(Pushed::Row));
    }
    assert!(empty < 1000, "an idle decoder holds {empty} bytes");
    assert!((180_000..500_000).contains(&decoder.bytes()), "{} bytes", decoder.bytes());
    let held: usize = decoder.finish().columns().iter().map(|column| column.get_array_memory_size()).sum();
    assert!(held >= 180_000, "{held} bytes");
    assert!(decoder.bytes() < 1000, "{} bytes after the batch was taken", decoder.bytes());
}

#[test]
fn a_small_record_cannot_make_a_huge_row() {
    let wide: Vec<Field> = (0..2000).map(|i| optional(&format!("f{i}"), DataType::Int64)).collect();
    let fields = schema(vec![optional("a", list(optional("", DataType::Struct(wide.into()))))]);
    let mut decoder = decoder(&fields, DecodeOptions::default());
    let error = push(&mut decoder, &format!("{{\"a\":[{}{{}}]}}", "{},".repeat(20_000))).expect_err("320 MB");
    assert_eq!((error.kind(), error.path().as_str()), (Kind::TooLarge, "a"));
    assert_eq!(push(&mut decoder, &format!("{{\"a\":[{}{{}}]}}", "{},".repeat(2000))), Ok(Pushed::Row));
}

#[test]
fn errors_in_words() {
    let error = one(optional("qty", DataType::Int64), r#"{"qty":"12"}"#).expect_err("it is quoted");
    assert_eq!(error.to_string(), "wrong type at `qty`: expected long, found \"12\"");
    let error = one(optional("qty", DataType::Int64), r#"{"qty" 12}"#).expect_err("it is no json");
    assert_eq!(error.to_string(), "malformed json: expected `:`, found `1` at byte 7");
    let error = one(optional("qty", DataType::Int64), r#"{"qty":1"#).expect_err("it is no json");
    assert_eq!(error.to_string(), "malformed json: expected `,` or `}`, found the end at byte 8");
}
