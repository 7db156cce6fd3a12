//! The decoder against a slow one that is written differently: serde_json's tree of values, then the rules one by one.
//!
//! A random record must give exactly the row that its generator meant. A damaged one must be refused if the oracle
//! refuses it, and give the oracle's row if not. Where the oracle cannot say (serde_json keeps no digits beyond a double,
//! and it knows dates only by Arrow's more lenient parser), a refusal is let pass, a wrong value never. Refused records
//! stand between good ones: a partial row would shift or change every row after it.

use std::fmt;

use arrow::array::timezone::Tz;
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{DataType, Field};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::random::{self, Random};
use super::support::{Cell, decoder, record, rows, schema};
use crate::decode::{DecodeOptions, OnUnknownField, Pushed};

/// A JSON document, names that come twice included.
#[derive(Debug, Clone, PartialEq)]
enum Doc {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Doc>),
    Object(Vec<(String, Doc)>),
}

impl<'de> Deserialize<'de> for Doc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Doc;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_unit<E>(self) -> Result<Doc, E> {
                Ok(Doc::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Doc, E> {
                Ok(Doc::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Doc, E> {
                Ok(Doc::Int(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Doc, E> {
                Ok(i64::try_from(value).map_or(Doc::Float(value as f64), Doc::Int))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Doc, E> {
                Ok(Doc::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Doc, E> {
                Ok(Doc::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Doc, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = elements.next_element()? {
                    list.push(element);
                }
                Ok(Doc::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Doc, A::Error> {
                let mut object = Vec::new();
                while let Some(member) = members.next_entry()? {
                    object.push(member);
                }
                Ok(Doc::Object(object))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// What a cell must be.
#[derive(Debug)]
enum Want {
    Exact(Cell),
    /// A double, up to serde_json's last digit.
    Near(f64),
    /// A decimal of this scale.
    NearDecimal(f64, i8),
    /// The text of this document.
    Json(Doc),
    /// Bytes that are spelt like this.
    Bytes(String),
    List(Vec<Want>),
    Struct(Vec<Want>),
    Map(Vec<(String, Want)>),
}

/// The record must be refused.
struct Refused;

struct Oracle {
    on_unknown_field: OnUnknownField,
    /// A refusal may be right although no rule here asks for it.
    unsure: bool,
}

impl Oracle {
    fn row<'a>(
        &mut self,
        fields: impl IntoIterator<Item = &'a Field> + Clone,
        members: &[(String, Doc)],
    ) -> Result<Vec<Want>, Refused> {
        for (i, (name, doc)) in members.iter().enumerate() {
            let known = fields.clone().into_iter().any(|field| field.name() == name);
            if known && members[..i].iter().any(|(earlier, _)| earlier == name) {
                return Err(Refused);
            }
            if !known && holds(doc) && self.on_unknown_field == OnUnknownField::Stop {
                return Err(Refused);
            }
        }
        let doc = |field: &Field| members.iter().find(|(name, _)| name == field.name()).map(|(_, doc)| doc);
        fields.into_iter().map(|field| self.cell(field, doc(field).unwrap_or(&Doc::Null))).collect()
    }

    fn cell(&mut self, field: &Field, doc: &Doc) -> Result<Want, Refused> {
        let exact = |cell| Ok(Want::Exact(cell));
        match (field.data_type(), doc) {
            (_, Doc::Null) if field.is_nullable() => exact(Cell::Null),
            (_, Doc::Null) => Err(Refused),
            (DataType::Utf8, doc) if !field.metadata().is_empty() => Ok(Want::Json(doc.clone())),
            (DataType::Boolean, Doc::Bool(value)) => exact(Cell::Bool(*value)),
            (DataType::Int64, Doc::Int(value)) => exact(Cell::Int(*value)),
            (DataType::Int32, Doc::Int(value)) => {
                i32::try_from(*value).map_or(Err(Refused), |value| exact(Cell::Int(value.into())))
            }
            (DataType::Int64 | DataType::Int32, Doc::Float(value)) if *value == 0.0 && value.is_sign_negative() => {
                // "-0" and "-0.0" look alike here.
                self.unsure = true;
                exact(Cell::Int(0))
            }
            (DataType::Float64 | DataType::Float32, Doc::Int(value)) => Ok(Want::Near(*value as f64)),
            (DataType::Float64, Doc::Float(value)) => Ok(Want::Near(*value)),
            (DataType::Float32, Doc::Float(value)) => {
                self.unsure |= value.abs() >= f64::from(f32::MAX);
                Ok(Want::Near(*value))
            }
            (DataType::Utf8, Doc::Text(text)) => exact(Cell::Text(text.clone())),
            (DataType::Decimal128(_, scale), doc) => self.decimal(*scale, doc),
            (DataType::LargeBinary | DataType::FixedSizeBinary(_), Doc::Text(text)) => {
                self.unsure = true;
                Ok(Want::Bytes(text.clone()))
            }
            (DataType::Date32 | DataType::Time64(_) | DataType::Timestamp(..), Doc::Text(text)) => {
                self.unsure = true;
                instant(field.data_type(), text).map_or(Err(Refused), |value| exact(Cell::Int(value)))
            }
            (DataType::Struct(fields), Doc::Object(members)) => {
                Ok(Want::Struct(self.row(fields.iter().map(|field| &**field), members)?))
            }
            (DataType::List(element), Doc::List(docs)) => {
                let elements: Result<_, _> = docs.iter().map(|doc| self.cell(element, doc)).collect();
                Ok(Want::List(elements?))
            }
            (DataType::Map(entries, _), Doc::Object(members)) => self.map(entries, members),
            _ => Err(Refused),
        }
    }

    fn map(&mut self, entries: &Field, members: &[(String, Doc)]) -> Result<Want, Refused> {
        let DataType::Struct(pair) = entries.data_type() else { panic!("a map has entries") };
        let mut wanted = Vec::new();
        for (i, (name, doc)) in members.iter().enumerate() {
            if members[..i].iter().any(|(earlier, _)| earlier == name) {
                return Err(Refused);
            }
            wanted.push((name.clone(), self.cell(&pair[1], doc)?));
        }
        Ok(Want::Map(wanted))
    }

    fn decimal(&mut self, scale: i8, doc: &Doc) -> Result<Want, Refused> {
        self.unsure = true;
        let number = match doc {
            Doc::Int(value) => *value as f64,
            Doc::Float(value) => *value,
            Doc::Text(text) => match serde_json::from_str(text) {
                Ok(Doc::Int(value)) => value as f64,
                Ok(Doc::Float(value)) => value,
                _ => return Err(Refused),
            },
            _ => return Err(Refused),
        };
        Ok(Want::NearDecimal(number, scale))
    }
}

fn holds(doc: &Doc) -> bool {
    match doc {
        Doc::Null => false,
        Doc::List(elements) => elements.iter().any(holds),
        Doc::Object(members) => members.iter().any(|(_, doc)| holds(doc)),
        _ => true,
    }
}

/// Days or microseconds, by Arrow's parser.
fn instant(data_type: &DataType, text: &str) -> Option<i64> {
    let utc: Tz = "+00:00".parse().expect("an offset is a zone");
    let parse = |text: &str| string_to_datetime(&utc, text).ok().map(|time| time.timestamp_micros());
    match data_type {
        DataType::Date32 => parse(&format!("{text}T00:00:00")).map(|micros| micros.div_euclid(86_400_000_000)),
        DataType::Time64(_) => parse(&format!("1970-01-01T{text}")),
        _ => parse(text),
    }
}

fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= wanted.abs() * 1e-6 + 1e-37
}

fn fits(found: &Cell, want: &Want) -> bool {
    match (found, want) {
        (found, Want::Exact(wanted)) => found == wanted,
        (Cell::Double(found), Want::Near(wanted)) => near(*found, *wanted),
        (Cell::Decimal(found), Want::NearDecimal(wanted, scale)) => {
            near(*found as f64 / 10_f64.powi((*scale).into()), *wanted)
        }
        (Cell::Text(found), Want::Json(doc)) => serde_json::from_str::<Doc>(found).is_ok_and(|found| found == *doc),
        (Cell::Bytes(found), Want::Bytes(text)) => {
            random::base64(found) == *text || (found.len() == 16 && random::uuid(found) == text.to_lowercase())
        }
        (Cell::List(found), Want::List(wanted)) | (Cell::Struct(found), Want::Struct(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, want)| fits(found, want))
        }
        (Cell::Map(found), Want::Map(wanted)) => {
            let fits =
                |((key, found), (name, want)): (&(String, Cell), &(String, Want))| key == name && fits(found, want);
            found.len() == wanted.len() && found.iter().zip(wanted).all(fits)
        }
        _ => false,
    }
}

/// What the oracle makes of a record's bytes.
enum Verdict {
    Row {
        wanted: Vec<Want>,
        unsure: bool,
    },
    Refused,
    /// serde_json cannot represent it.
    Unknown,
}

fn judge(fields: &[Field], on_unknown_field: OnUnknownField, bytes: &[u8]) -> Verdict {
    match serde_json::from_slice::<Doc>(bytes) {
        Ok(Doc::Object(members)) => {
            let mut oracle = Oracle { on_unknown_field, unsure: false };
            match oracle.row(fields, &members) {
                Ok(wanted) => Verdict::Row { wanted, unsure: oracle.unsure },
                Err(Refused) => Verdict::Refused,
            }
        }
        Err(error) if error.to_string().starts_with("number out of range") => Verdict::Unknown,
        _ => Verdict::Refused,
    }
}

#[derive(Default)]
struct Tally {
    good: usize,
    damaged: usize,
    refused: usize,
}

/// One random schema: good and damaged records in turn, batch after batch.
fn compare(seed: u64, tally: &mut Tally) {
    let mut random = Random(seed);
    let fields = random::fields(&mut random, 3);
    let on_unknown_field = *random.pick(&[OnUnknownField::Stop, OnUnknownField::Ignore]);
    let options = DecodeOptions { on_unknown_field, batch_rows: 1 + random.below(20), ..DecodeOptions::default() };
    let mut decoder = decoder(&schema(fields.clone()), options);
    let mut wanted: Vec<Vec<Want>> = Vec::new();
    for _ in 0..40 {
        if decoder.is_full() {
            check(seed, &rows(&decoder.finish()), &wanted);
            wanted.clear();
        }
        let (json, row) = random::record(&mut random, &fields);
        let mut bytes = json.into_bytes();
        let is_good = random.one_in(2);
        if is_good {
            tally.good += 1;
            let pushed = decoder.push(record(Some(&bytes)));
            assert_eq!(pushed, Ok(Pushed::Row), "seed {seed}: {}", String::from_utf8_lossy(&bytes));
            wanted.push(row.into_iter().map(Want::Exact).collect());
            continue;
        }
        random::damage(&mut random, &mut bytes);
        tally.damaged += 1;
        let before = decoder.rows();
        let pushed = decoder.push(record(Some(&bytes)));
        tally.refused += usize::from(pushed.is_err());
        assert_eq!(decoder.rows(), before + usize::from(pushed == Ok(Pushed::Row)));
        let shown = String::from_utf8_lossy(&bytes);
        match (pushed, judge(&fields, on_unknown_field, &bytes)) {
            (Ok(Pushed::Row), Verdict::Row { wanted: want, .. }) => wanted.push(want),
            (Err(_), Verdict::Refused | Verdict::Row { unsure: true, .. } | Verdict::Unknown) => {}
            (Ok(Pushed::Row), Verdict::Unknown) => {
                // Its value cannot be told; it must not stay in the way of the others.
                check(seed, &rows(&decoder.finish())[..before], &wanted);
                wanted.clear();
            }
            // `null`, or what is left of it.
            (Ok(Pushed::Row), Verdict::Refused) if shown.trim() == "null" => {
                check(seed, &rows(&decoder.finish())[..before], &wanted);
                wanted.clear();
            }
            (Err(error), Verdict::Row { .. }) => panic!("seed {seed}: refused a good record: {error}\n{shown}"),
            (Ok(pushed), _) => panic!("seed {seed}: {pushed:?} of a record that must be refused\n{shown}"),
        }
    }
    check(seed, &rows(&decoder.finish()), &wanted);
}

fn check(seed: u64, found: &[Vec<Cell>], wanted: &[Vec<Want>]) {
    assert_eq!(found.len(), wanted.len(), "seed {seed}: another number of rows");
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found.len(), wanted.len(), "seed {seed}: another number of columns");
        for (found, want) in found.iter().zip(wanted) {
            assert!(fits(found, want), "seed {seed}: found {found:?}, wanted {want:?}");
        }
    }
}

#[test]
fn random_records() {
    let mut tally = Tally::default();
    for seed in 0..2000 {
        compare(seed, &mut tally);
    }
    assert!(tally.good > 30_000 && tally.damaged > 30_000, "{} good, {} damaged", tally.good, tally.damaged);
    let accepted = tally.damaged - tally.refused;
    assert!(
        accepted > 2000 && tally.refused > 10_000,
        "of the damaged, {accepted} accepted, {} refused",
        tally.refused
    );
}
