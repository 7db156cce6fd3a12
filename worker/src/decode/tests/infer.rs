//! Inference, and that what was inferred takes the sample it was inferred from.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

use super::support::*;
use crate::decode::{
    Column, ColumnType, Conflict, DecodeErrorKind as Kind, DecodeOptions, InferError, Inference, Inferred,
    JSON_TEXT_KEY, MAX_FIELDS, Pushed,
};

fn infer(records: &[&str]) -> Inferred {
    let mut inference = Inference::new();
    for record in records {
        inference.observe(Some(record.as_bytes())).expect(record);
    }
    inference.finish().expect("a schema")
}

fn types(inferred: &Inferred) -> Vec<(String, String)> {
    inferred.columns.iter().map(|column| (column.name.clone(), column.kind.iceberg_type())).collect()
}

fn assert_types(records: &[&str], expected: &[(&str, &str)]) -> Inferred {
    let inferred = infer(records);
    let expected: Vec<_> = expected.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect();
    assert_eq!(types(&inferred), expected);
    inferred
}

/// The Arrow schema that the table would have.
fn arrow(column: &Column) -> Field {
    let field = Field::new(&column.name, arrow_type(&column.kind), true);
    match column.kind {
        ColumnType::String { json: true } => {
            field.with_metadata(HashMap::from([(JSON_TEXT_KEY.to_owned(), "true".to_owned())]))
        }
        _ => field,
    }
}

fn arrow_type(kind: &ColumnType) -> DataType {
    match kind {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Long => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::String { .. } => DataType::Utf8,
        ColumnType::Struct(columns) => DataType::Struct(columns.iter().map(arrow).collect()),
        ColumnType::List(element) => {
            let element = arrow(&Column { name: "element".to_owned(), kind: (**element).clone() });
            DataType::List(Arc::new(element))
        }
    }
}

#[test]
fn scalars_and_order() {
    let inferred = assert_types(
        &[r#"{"b":1,"a":"x","c":true,"n":null}"#, r#"{"d":1.5,"b":-2,"e":1}"#, r#"{"e":0.5,"d":2}"#],
        &[("b", "long"), ("a", "string"), ("c", "boolean"), ("d", "double"), ("e", "double")],
    );
    assert_eq!((inferred.left_out, inferred.conflicts), (vec!["n".to_owned()], vec![]));
}

#[test]
fn nested() {
    let inferred = assert_types(
        &[
            r#"{"o":{"x":1,"y":null,"z":{"q":null}},"l":[],"e":{},"ll":[[]]}"#,
            r#"{"o":{"w d":[{"k":true}],"x":2.5},"l":[null,{"p":1},{"r":"s","p":2}]}"#,
        ],
        &[("o", "struct<x: double, `w d`: list<struct<k: boolean>>>"), ("l", "list<struct<p: long, r: string>>")],
    );
    assert_eq!(inferred.left_out, ["o.y", "o.z", "e", "ll"]);
}

#[test]
fn conflicts_become_json_text() {
    let inferred = assert_types(
        &[
            r#"{"a":1,"b":"x","c":{"d":1},"e":[[1],["x"]],"f":9223372036854775808,"g":1e999,"h":true}"#,
            r#"{"a":"1","b":{"y":1},"c":{"d":[]},"e":[null],"f":1,"g":2.0,"h":1,"`":1}"#,
        ],
        &[
            ("a", "string"),
            ("b", "string"),
            ("c", "struct<d: string>"),
            ("e", "string"),
            ("f", "string"),
            ("g", "string"),
            ("h", "string"),
            ("`", "long"),
        ],
    );
    let conflict = |path: &str, first, second| Conflict { path: path.to_owned(), first, second };
    assert_eq!(
        inferred.conflicts,
        [
            conflict("a", "long", "string"),
            conflict("b", "string", "object"),
            conflict("c.d", "long", "array"),
            conflict("e[][]", "long", "string"),
            conflict("f", "long", "integer too large for a long"),
            conflict("g", "double", "number too large for a double"),
            conflict("h", "boolean", "long"),
        ]
    );
}

#[test]
fn a_sample_always_decodes() {
    let sample = [
        r#"{"a":1,"n":null,"o":{"x":1,"y":[]},"l":[1,2.5,null],"x":[1],"m":[{"a":1},{"b":[{}]}],"e":{},"t":"x"}"#,
        r#"{"a":"1","n":[null],"o":{"z":"s"},"l":[],"x":["y",{}],"m":null,"t":null}"#,
        r#"{"a":[{"deep":{"er":1}}],"o":null,"l":[7],"m":[{"a":"x"}],"e":{"q":null}}"#,
        "null",
    ];
    let inferred = infer(&sample);
    let mut decoder = decoder(&schema(inferred.columns.iter().map(arrow).collect()), DecodeOptions::default());
    for record in sample {
        assert_eq!(push(&mut decoder, record), Ok(Pushed::Row), "{record}");
    }
    let rows = rows(&decoder.finish());
    let firsts: Vec<_> = rows.iter().map(|row| row[0].clone()).collect();
    let text = |text: &str| Cell::Text(text.to_owned());
    assert_eq!(firsts, [text("1"), text("\"1\""), text(r#"[{"deep":{"er":1}}]"#), Cell::Null]);
}

#[test]
fn bad_samples() {
    let kind = |record: &str| Inference::new().observe(Some(record.as_bytes())).expect_err(record).kind();
    assert_eq!(kind(r#"{"a":1"#), Kind::Malformed);
    assert_eq!(kind(r#"{"a":1}]"#), Kind::Malformed);
    assert_eq!(kind("[1]"), Kind::WrongType);
    let mut inference = Inference::new();
    let error = inference.observe(Some(br#"{"a":[{"b":1},{"b":1,"\u0062":2}]}"#)).expect_err("b comes twice");
    assert_eq!((error.kind(), error.path().as_str()), (Kind::DuplicateField, "a[1].b"));

    let mut inference = Inference::new();
    assert_eq!(inference.observe(None), Ok(()));
    assert_eq!(inference.observe(Some(b"{\"a\":null}")), Ok(()));
    assert_eq!(inference.records(), 2);
    assert_eq!(inference.finish(), Err(InferError::NoFields { records: 2 }));

    let mut inference = Inference::new();
    for i in 0..=MAX_FIELDS {
        assert_eq!(inference.observe(Some(format!("{{\"f{i}\":1}}").as_bytes())), Ok(()));
    }
    assert_eq!(inference.finish(), Err(InferError::TooManyFields));
}
