//! Records that are meant to break a decoder, or that broke others: each is refused with its reason and place, or taken as
//! what it says, by the decoder and by the inference. None ends the process.

use arrow::datatypes::{DataType, Field};

use super::random::{self, Random};
use super::support::*;
use crate::decode::{
    DecodeError, DecodeErrorKind as Kind, DecodeOptions, Inference, MAX_DEPTH, MAX_SHOWN, OnUnknownField, Pushed,
};

/// A column of each sort that walks a value in its own way.
fn columns() -> Vec<Field> {
    let pair = DataType::Struct(vec![optional("a", DataType::Int64)].into());
    vec![
        optional("long", DataType::Int64),
        optional("double", DataType::Float64),
        optional("float", DataType::Float32),
        optional("money", DataType::Decimal128(38, 10)),
        optional("text", DataType::Utf8),
        optional("list", list(optional("", pair.clone()))),
        optional("map", map(optional("", DataType::Int64))),
        optional("object", pair),
        json_text("json"),
    ]
}

/// What the decoder says of a record, unknown fields refused and ignored.
fn decoded(bytes: &[u8]) -> [Result<Pushed, DecodeError>; 2] {
    [OnUnknownField::Stop, OnUnknownField::Ignore].map(|on_unknown_field| {
        let options = DecodeOptions { on_unknown_field, ..DecodeOptions::default() };
        let mut decoder = decoder(&schema(columns()), options);
        let pushed = decoder.push(record(Some(bytes)));
        let good = decoder.push(record(Some(br#"{"long":7,"text":"good"}"#)));
        assert_eq!(good, Ok(Pushed::Row), "a record leaves no trace");
        let rows = rows(&decoder.finish());
        assert_eq!(rows.len(), if pushed == Ok(Pushed::Row) { 2 } else { 1 });
        assert_eq!(rows.last().expect("the good row")[0], Cell::Int(7));
        pushed
    })
}

fn inferred(bytes: &[u8]) -> Result<(), DecodeError> {
    Inference::new().observe(Some(bytes))
}

/// Everybody refuses it for this reason, at this path.
fn refused_by_all(bytes: &[u8], kind: Kind, path: &str) {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
    for (who, found) in ["strict", "lenient"].iter().zip(decoded(bytes)) {
        refused(&format!("{who} decoder, {shown}"), &found.expect_err(&shown), kind, path);
    }
    let found = inferred(bytes).expect_err(&shown);
    assert_eq!(found.kind(), kind, "inference, {shown}: {found}");
}

fn refused(what: &str, error: &DecodeError, kind: Kind, path: &str) {
    assert_eq!((error.kind(), error.path().as_str()), (kind, path), "{what}: {error}");
    let long = error.to_string().chars().count();
    assert!(long < 100 * MAX_SHOWN, "{what}: a message of {long} characters");
}

fn deep(open: &str, close: &str, levels: usize) -> String {
    format!("{}{}", open.repeat(levels), close.repeat(levels))
}

#[test]
fn deep_records_are_refused_before_the_stack_is_used_up() {
    for levels in [MAX_DEPTH as usize, 10_000, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]"), ("[", ""), ("{\"a\":", "")] {
            for field in ["list", "map", "object", "json", "long", "unknown"] {
                let bytes = format!("{{\"{field}\":{}}}", deep(open, close, levels)).into_bytes();
                for found in decoded(&bytes) {
                    let error = found.expect_err("it is too deep, or of another type");
                    let sort = matches!(error.kind(), Kind::TooDeep | Kind::WrongType);
                    assert!(sort && error.path().starts_with(field), "{levels} of {open} in {field}: {error}");
                }
                let error = inferred(&bytes).expect_err("it is too deep");
                assert_eq!(error.kind(), Kind::TooDeep, "{levels} of {open} in {field}: {error}");
            }
            let whole = deep(open, close, levels + 1);
            let kinds = decoded(whole.as_bytes()).map(|found| found.expect_err("it is no row").kind());
            let known = |kind| matches!(kind, Kind::TooDeep | Kind::WrongType | Kind::UnknownField | Kind::Malformed);
            assert!(kinds.into_iter().all(known), "{levels} of {open}: {kinds:?}");
        }
    }
}

#[test]
fn wide_records_cost_what_they_say() {
    let fields: Vec<String> = (0..100_000).map(|number| format!("\"f{number}\":{number}")).collect();
    let wide = format!("{{{}}}", fields.join(","));
    let [strict, lenient] = decoded(wide.as_bytes());
    refused("strict", &strict.expect_err("the table has no such field"), Kind::UnknownField, "f0");
    assert_eq!(lenient, Ok(Pushed::Row));
    let mut inference = Inference::new();
    inference.observe(Some(wide.as_bytes())).expect("it is good JSON");
    assert!(inference.finish().expect_err("too many fields").to_string().contains("4096"));

    let into_map = format!("{{\"map\":{wide}}}");
    assert_eq!(decoded(into_map.as_bytes())[0], Ok(Pushed::Row), "a map takes any key");
    let doubled = format!("{{\"map\":{{{},\"f0\":1}}}}", fields.join(","));
    for found in decoded(doubled.as_bytes()) {
        refused("a key twice", &found.expect_err("f0 comes twice"), Kind::DuplicateField, "map[\"f0\"]");
    }
    let name = "n".repeat(1 << 20);
    let error = decoded(format!("{{\"{name}\":1}}").as_bytes())[0].clone().expect_err("the table has no such field");
    assert!(error.to_string().len() < 1000, "a name of a mebibyte is cut in a message");
}

#[test]
fn numbers_that_are_none_or_do_not_fit() {
    for text in ["NaN", "-NaN", "nan", "Infinity", "-Infinity", "inf", "0x10", "1_000", "01", "+1", ".5", "1.", "1e"] {
        for field in ["long", "double", "float", "money", "json", "unknown"] {
            let bytes = format!("{{\"{field}\":{text}}}").into_bytes();
            let [strict, lenient] = decoded(&bytes);
            for found in [strict, lenient, inferred(&bytes).map(|()| Pushed::Row)] {
                let error = found.expect_err("it is no JSON");
                // A field that the table lacks is refused at once, where what comes first is a value.
                let sort = error.kind() == Kind::Malformed || (field, error.kind()) == ("unknown", Kind::UnknownField);
                assert!(sort, "{text} in {field}: {error}");
            }
        }
    }
    for (field, text, kind) in [
        ("long", "9223372036854775808", Kind::OutOfRange),
        ("long", "-9223372036854775809", Kind::OutOfRange),
        ("long", "1e400", Kind::Fraction),
        ("double", "1e400", Kind::OutOfRange),
        ("double", "-1e400", Kind::OutOfRange),
        ("float", "1e400", Kind::OutOfRange),
        ("money", "1e400", Kind::OutOfRange),
        ("money", "1e-400", Kind::Fraction),
        ("money", "1e99999999999999999999999", Kind::OutOfRange),
        ("text", "1e400", Kind::WrongType),
    ] {
        let bytes = format!("{{\"{field}\":{text}}}").into_bytes();
        for found in decoded(&bytes) {
            refused(text, &found.expect_err(text), kind, field);
        }
        inferred(&bytes).expect("it is good JSON, and becomes JSON text");
    }
    // Digit by digit where the column keeps text, and a long number costs no more than its length.
    let digits = "9".repeat(1 << 20);
    assert_eq!(decoded(format!("{{\"json\":{digits}}}").as_bytes())[0], Ok(Pushed::Row));
    for field in ["long", "double", "float", "money"] {
        let found = decoded(format!("{{\"{field}\":{digits}}}").as_bytes())[0].clone().expect_err("it does not fit");
        refused(field, &found, Kind::OutOfRange, field);
    }
}

#[test]
fn texts_that_are_no_unicode() {
    for surrogate in [r"\ud83d", r"\udc00", r"\ud83d\ud83d", r"\ud83dx", r"\udbff\u0041", r"\uD800\u"] {
        for field in ["text", "json", "unknown"] {
            refused_by_all(format!("{{\"{field}\":\"{surrogate}\"}}").as_bytes(), Kind::Malformed, field);
        }
        let name = format!("{{\"{surrogate}\":1}}").into_bytes();
        refused_by_all(&name, Kind::Malformed, "");
    }
    let invalid: [&[u8]; 7] =
        [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"];
    for bytes in invalid {
        for (before, after) in [(&b"{\"text\":\""[..], &b"\"}"[..]), (b"{\"", b"\":1}"), (b"", b""), (b"{} ", b"")] {
            refused_by_all(&[before, bytes, after].concat(), Kind::InvalidUtf8, "");
        }
    }
    for control in ["\u{0}", "\n", "\u{1f}"] {
        refused_by_all(format!("{{\"text\":\"a{control}\"}}").as_bytes(), Kind::Malformed, "text");
    }
}

#[test]
fn marks_and_remains_around_a_record() {
    for record in [
        &b"\xef\xbb\xbf{\"long\":1}"[..],
        b"\xff\xfe{\x00}\x00",
        b"",
        b" ",
        b"\x00",
        b"{\"long\":1}\x00",
        b"{\"long\":1}{\"long\":2}",
        b"{\"long\":1",
        b"{\"long\"",
        b"{",
        b"}",
        b"{\"long\":1,}",
        b"{\"long\":1 \"text\":\"a\"}",
        b"{'long':1}",
        b"{long:1}",
        b"{\"long\":1}//",
        b"/**/{\"long\":1}",
        b"nul",
        b"nullnull",
    ] {
        let shown = String::from_utf8_lossy(record);
        let [strict, lenient] = decoded(record);
        for found in [strict, lenient, inferred(record).map(|()| Pushed::Row)] {
            let error = found.expect_err(&shown);
            assert!(matches!(error.kind(), Kind::Malformed | Kind::InvalidUtf8), "{shown}: {error}");
        }
    }
}

#[test]
fn a_field_named_twice_is_refused_wherever_it_is() {
    for (record, path) in [
        (r#"{"long":1,"long":1}"#, "long"),
        (r#"{"long":1,"lon\u0067":1}"#, "long"),
        (r#"{"long":null,"long":1}"#, "long"),
        (r#"{"object":{"a":1,"a":2}}"#, "object.a"),
        (r#"{"list":[{},{"a":1,"a":2}]}"#, "list[1].a"),
        (r#"{"list":[],"list":[]}"#, "list"),
    ] {
        refused_by_all(record.as_bytes(), Kind::DuplicateField, path);
    }
}

/// Bytes of all kinds: random ones, records of random tables that were damaged, and pieces of hostile JSON in any order.
/// Nothing is asserted of them but that everybody comes to an end, and that what the inference takes the decoder can tell
/// apart from what is no JSON.
#[test]
fn random_bytes_come_to_an_end() {
    const PIECES: [&[u8]; 24] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\\",
        b"\\u",
        b"\\ud83d",
        b"\"a\"",
        b"\"long\":",
        b"\"json\":",
        b"\"list\":",
        b"\"map\":",
        b"\"object\":",
        b"1",
        b"-",
        b"1e400",
        b"null",
        b"true",
        b"\xef\xbb\xbf",
        b"\xff",
        b" ",
    ];
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let bytes = match random.below(3) {
            0 => (0..random.below(40)).map(|_| random.next() as u8).collect(),
            1 => {
                let mut record = random::record(&mut random, &columns_of_scalars()).0.into_bytes();
                random::damage(&mut random, &mut record);
                record
            }
            _ => (0..random.below(30)).flat_map(|_| random.pick(&PIECES).iter().copied()).collect::<Vec<u8>>(),
        };
        let [_, lenient] = decoded(&bytes);
        let seen = inferred(&bytes);
        let no_json = |error: &DecodeError| matches!(error.kind(), Kind::Malformed | Kind::InvalidUtf8 | Kind::TooDeep);
        if let Err(error) = &lenient
            && no_json(error)
        {
            assert!(seen.is_err(), "seed {seed}: the inference takes what is no JSON ({error})");
        }
        match lenient {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(
        taken > 500 && refused > 5_000,
        "{taken} taken, {refused} refused: these are not the bytes that were meant"
    );
}

fn columns_of_scalars() -> Vec<Field> {
    columns().into_iter().filter(|field| !field.data_type().is_nested()).collect()
}
