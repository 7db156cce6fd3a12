//! A schema from a sample of records, for a table that does not exist yet.
//!
//! Every field is optional, in the order in which fields first appeared. Integers are `long`, integers and fractions
//! together `double`, booleans `boolean`, strings `string`, objects structs, arrays lists. Where two records disagree
//! otherwise, or an integer does not fit a long or a number a double, the column is a `string` that holds the value's
//! JSON text, digit for digit; where the elements of a list disagree, the list as a whole (a struct's field can say in
//! its doc that it holds JSON text, a list's element cannot). A field that never held a value (`null`, `[]`, `{}`) is left out and listed: the decoder
//! lets such empty fields pass, so the sample itself always decodes.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::error::{DecodeError, DecodeErrorKind as Fault};
use super::scan::{JsonString, Scanner, Token};
use super::text;

/// Fields of all objects together that a sample may have. Beyond it the records use names as data, and a table of them
/// would have to be described by hand.
pub const MAX_FIELDS: usize = 4096;

/// Why a sample gives no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    /// No record of the sample had a field with a value.
    #[error(
        "none of the {records} records sampled has a field with a value; give the table's schema in the configuration"
    )]
    NoFields {
        /// Records sampled, those without a value included.
        records: u64,
    },
    /// More than [`MAX_FIELDS`] fields.
    #[error("the sample has more than {MAX_FIELDS} different fields; give the table's schema in the configuration")]
    TooManyFields,
}

/// A column's type, without Iceberg's field ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// `boolean`
    Boolean,
    /// `long`
    Long,
    /// `double`
    Double,
    /// `string`
    String {
        /// It holds JSON text: the decoder must be told so ([`super::JSON_TEXT_DOC`] as the field's doc).
        json: bool,
    },
    /// `struct`, in order of appearance, all fields optional
    Struct(Vec<Column>),
    /// `list`, its elements optional, never JSON text
    List(Box<ColumnType>),
}

/// A named column or field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
}

/// A field whose values have no common type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Its path, list elements as `a[]`.
    pub path: String,
    /// What it was first.
    pub first: &'static str,
    /// What did not go with that.
    pub second: &'static str,
}

/// What a sample says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred {
    /// The columns, in order of appearance.
    pub columns: Vec<Column>,
    /// Paths of fields that never held a value.
    pub left_out: Vec<String>,
    /// Fields that became JSON text, in the columns' order.
    pub conflicts: Vec<Conflict>,
}

impl ColumnType {
    /// The type as text: `long`, `list<string>`, `struct<a: long, b: string>`. A name with anything but letters, digits
    /// and `_` stands in backquotes, a backquote in it doubled. That a string holds JSON text is not told by it.
    #[must_use]
    pub fn iceberg_type(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Boolean => out.push_str("boolean"),
            Self::Long => out.push_str("long"),
            Self::Double => out.push_str("double"),
            Self::String { .. } => out.push_str("string"),
            Self::List(element) => {
                out.push_str("list<");
                element.write(out);
                out.push('>');
            }
            Self::Struct(columns) => {
                out.push_str("struct<");
                for (i, column) in columns.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    // Writing to a string cannot fail.
                    let _ = write!(out, "{comma}{}: ", quoted(&column.name));
                    column.kind.write(out);
                }
                out.push('>');
            }
        }
    }
}

fn quoted(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { format!("`{}`", name.replace('`', "``")) }
}

/// Looks at one record after the other.
#[derive(Debug, Default)]
pub struct Inference {
    root: Object,
    objects: u64,
    records: u64,
    fields: usize,
    scratch: Vec<u8>,
}

/// What a field's values were so far.
#[derive(Debug, Default)]
enum Seen {
    /// Only nulls.
    #[default]
    Nothing,
    Boolean,
    Long,
    Double,
    String,
    Object(Object),
    Array(Box<Seen>),
    Conflict(&'static str, &'static str),
}

#[derive(Debug, Default)]
struct Object {
    fields: Vec<Seen>,
    names: Vec<Box<str>>,
    /// The object in which a field was seen last, to notice one that names it twice.
    last: Vec<u64>,
    places: HashMap<Box<str>, usize>,
}

impl Inference {
    /// No record seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records seen, those without a value included.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Looks at a record's value; null records are counted only.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not one JSON object that names no field twice: the table would stop at this record. The
    /// fields it had up to there may stay known.
    pub fn observe(&mut self, value: Option<&[u8]>) -> Result<(), DecodeError> {
        self.records += 1;
        let Some(value) = value else { return Ok(()) };
        let mut scan = Scanner::new(value)?;
        let token = scan.token()?;
        let start = scan.position();
        let mut whole = scan.clone();
        whole.skip()?;
        whole.end()?;
        match token {
            Token::Null => Ok(()),
            Token::Object => {
                let mut root = std::mem::take(&mut self.root);
                let observed = self.object(&mut root, &mut scan);
                self.root = root;
                observed
            }
            _ => Err(DecodeError::new(Fault::WrongType, "an object", whole.since(start))),
        }
    }

    /// What the records say together.
    ///
    /// # Errors
    /// [`InferError`] if that is not a table.
    pub fn finish(self) -> Result<Inferred, InferError> {
        if self.fields > MAX_FIELDS {
            return Err(InferError::TooManyFields);
        }
        let mut inferred = Inferred { columns: Vec::new(), left_out: Vec::new(), conflicts: Vec::new() };
        let columns = inferred.object("", &self.root);
        if columns.is_empty() {
            return Err(InferError::NoFields { records: self.records });
        }
        inferred.columns = columns;
        Ok(inferred)
    }

    fn object(&mut self, object: &mut Object, scan: &mut Scanner<'_>) -> Result<(), DecodeError> {
        self.objects += 1;
        let this = self.objects;
        scan.open()?;
        let mut first = true;
        while let Some(name) = scan.member(first)? {
            first = false;
            let Some(place) = self.place(object, name) else {
                scan.skip()?;
                continue;
            };
            if std::mem::replace(&mut object.last[place], this) == this {
                let error = DecodeError::new(Fault::DuplicateField, "each field once", "it a second time");
                return Err(error.in_field(&object.names[place]));
            }
            self.value(&mut object.fields[place], scan).map_err(|error| error.in_field(&object.names[place]))?;
        }
        Ok(())
    }

    /// Where a field stands, made if it is new; `None` once there are too many.
    fn place(&mut self, object: &mut Object, name: JsonString<'_>) -> Option<usize> {
        let name = name.text(&mut self.scratch);
        if let Some(&place) = object.places.get(name) {
            return Some(place);
        }
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return None;
        }
        let place = object.fields.len();
        object.fields.push(Seen::Nothing);
        object.names.push(Box::from(name));
        object.last.push(0);
        object.places.insert(Box::from(name), place);
        Some(place)
    }

    fn value(&mut self, seen: &mut Seen, scan: &mut Scanner<'_>) -> Result<(), DecodeError> {
        let token = scan.token()?;
        match token {
            Token::Object => {
                if matches!(seen, Seen::Nothing) {
                    *seen = Seen::Object(Object::default());
                }
                if let Seen::Object(object) = seen {
                    return self.object(object, scan);
                }
            }
            Token::Array => {
                if matches!(seen, Seen::Nothing) {
                    *seen = Seen::Array(Box::default());
                }
                if let Seen::Array(element) = seen {
                    return self.array(element, scan);
                }
            }
            _ => {}
        }
        scan_scalar(seen, token, scan)
    }

    fn array(&mut self, element: &mut Seen, scan: &mut Scanner<'_>) -> Result<(), DecodeError> {
        scan.open()?;
        let mut index = 0;
        while scan.element(index == 0)? {
            self.value(element, scan).map_err(|error| error.in_element(index))?;
            index += 1;
        }
        Ok(())
    }
}

/// Joins a scalar, or an object or array that does not go with what was seen.
fn scan_scalar(seen: &mut Seen, token: Token, scan: &mut Scanner<'_>) -> Result<(), DecodeError> {
    if token == Token::Number {
        let number = scan.number()?;
        match (number.integer, text::integer::<i64>(number), text::double(number)) {
            (true, Ok(_), _) => seen.join(Seen::Long),
            (true, Err(_), _) => seen.conflict("long", "integer too large for a long"),
            (false, _, Ok(_)) => seen.join(Seen::Double),
            (false, _, Err(_)) => seen.conflict("double", "number too large for a double"),
        }
        return Ok(());
    }
    scan.skip()?;
    match token {
        Token::True | Token::False => seen.join(Seen::Boolean),
        Token::String => seen.join(Seen::String),
        Token::Object => seen.conflict(seen.name(), "object"),
        Token::Array => seen.conflict(seen.name(), "array"),
        Token::Null | Token::Number => {}
    }
    Ok(())
}

impl Seen {
    fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "null",
            Self::Boolean => "boolean",
            Self::Long => "long",
            Self::Double => "double",
            Self::String => "string",
            Self::Object(_) => "object",
            Self::Array(_) => "array",
            Self::Conflict(first, _) => first,
        }
    }

    fn conflict(&mut self, first: &'static str, second: &'static str) {
        if !matches!(self, Self::Conflict(..)) {
            *self = Self::Conflict(first, second);
        }
    }

    fn join(&mut self, other: Self) {
        match (&*self, &other) {
            (Self::Nothing, _) => *self = other,
            (Self::Long | Self::Double, Self::Double) => *self = Self::Double,
            (Self::Double, Self::Long) | (Self::Conflict(..), _) => {}
            (Self::Boolean, Self::Boolean) | (Self::Long, Self::Long) | (Self::String, Self::String) => {}
            _ => self.conflict(self.name(), other.name()),
        }
    }
}

impl Inferred {
    fn object(&mut self, path: &str, object: &Object) -> Vec<Column> {
        let mut columns = Vec::with_capacity(object.fields.len());
        for (name, seen) in object.names.iter().zip(&object.fields) {
            let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
            match self.column_type(&path, seen) {
                Some(kind) => columns.push(Column { name: name.to_string(), kind }),
                None => self.left_out.push(path),
            }
        }
        columns
    }

    /// `None` if there never was a value.
    fn column_type(&mut self, path: &str, seen: &Seen) -> Option<ColumnType> {
        Some(match seen {
            Seen::Nothing => return None,
            Seen::Boolean => ColumnType::Boolean,
            Seen::Long => ColumnType::Long,
            Seen::Double => ColumnType::Double,
            Seen::String => ColumnType::String { json: false },
            Seen::Array(element) => match self.column_type(&format!("{path}[]"), element)? {
                text @ ColumnType::String { json: true } => text,
                element => ColumnType::List(Box::new(element)),
            },
            Seen::Object(object) => {
                let listed = self.left_out.len();
                let columns = self.object(path, object);
                if columns.is_empty() {
                    // The object itself is listed, not also each of its fields.
                    self.left_out.truncate(listed);
                    return None;
                }
                ColumnType::Struct(columns)
            }
            Seen::Conflict(first, second) => {
                self.conflicts.push(Conflict { path: path.to_owned(), first, second });
                ColumnType::String { json: true }
            }
        })
    }
}
