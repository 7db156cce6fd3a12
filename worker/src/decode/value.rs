//! One JSON value into one column: the rules of the [module](super), a function for each family of types.
//!
//! A function that fails may leave its column half filled; the decoder cuts all columns back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::column::{Column, Entries, Members, Repeated, Values};
use super::error::{DecodeError, DecodeErrorKind as Fault};
use super::options::OnUnknownField;
use super::plan::Kind;
use super::scan::{JsonString, MAX_DEPTH, Number, Scanner, Token};
use super::text::{self, NumberFault};

/// Memory that a row may take beyond a multiple of its record (an empty object in a list costs a slot in every column
/// beneath it).
const FREE_ROW_BYTES: usize = 64 * 1024 * 1024;

/// The multiple: no single value grows more than this (a digit as a decimal).
const ROW_GROWTH: usize = 16;

/// One record being read.
pub(crate) struct Reader<'a, 's> {
    pub scan: Scanner<'a>,
    pub scratch: &'s mut Vec<u8>,
    on_unknown_field: OnUnknownField,
    /// Bytes of list and map slots that the row may take, and has taken.
    room: usize,
    taken: usize,
}

impl<'a, 's> Reader<'a, 's> {
    pub(crate) fn new(
        value: &'a [u8],
        scratch: &'s mut Vec<u8>,
        on_unknown_field: OnUnknownField,
    ) -> Result<Self, DecodeError> {
        let room = FREE_ROW_BYTES.saturating_add(value.len().saturating_mul(ROW_GROWTH));
        Ok(Self { scan: Scanner::new(value)?, scratch, on_unknown_field, room, taken: 0 })
    }

    /// Reads an object's members into their columns, and nulls into those that it lacks.
    pub(crate) fn members(&mut self, members: &mut Members) -> Result<(), DecodeError> {
        self.scan.open()?;
        members.stamp += 1;
        let count = members.columns.len();
        let (mut first, mut had, mut before) = (true, 0, count);
        while let Some(name) = self.scan.member(first)? {
            first = false;
            let Some(place) = self.place(members, before, name)? else { continue };
            before = place;
            had += 1;
            let nullable = members.group.nodes[place].nullable;
            self.nullable(&mut members.columns[place], nullable)
                .map_err(|error| error.in_field(&members.group.names.names[place]))?;
        }
        if had < count {
            fill_missing(members)?;
        }
        Ok(())
    }

    /// Where a member belongs; `None` if it was left out, its value consumed.
    #[inline]
    fn place(
        &mut self,
        members: &mut Members,
        before: usize,
        name: JsonString<'a>,
    ) -> Result<Option<usize>, DecodeError> {
        let names = &members.group.names;
        let name = name.text(self.scratch);
        let guess = members.next[before];
        let place = if names.names.get(guess).is_some_and(|expected| **expected == *name) {
            guess
        } else if let Some(place) = names.place(name) {
            members.next[before] = place;
            place
        } else {
            return left_out(&mut self.scan, name, self.on_unknown_field).map(|()| None);
        };
        if members.seen[place] == members.stamp {
            let value = value_ahead(&mut self.scan);
            return Err(DecodeError::new(Fault::DuplicateField, "each field once", value).in_field(name));
        }
        members.seen[place] = members.stamp;
        Ok(Some(place))
    }

    /// Reads the next value, or a null where the column takes one.
    #[inline]
    fn nullable(&mut self, column: &mut Column, nullable: bool) -> Result<(), DecodeError> {
        let token = self.scan.token()?;
        if token != Token::Null {
            return self.value(column, token);
        }
        self.scan.word(token)?;
        if !nullable {
            return Err(DecodeError::new(Fault::NullField, column.kind.name(), "null"));
        }
        column.null();
        Ok(())
    }

    fn value(&mut self, column: &mut Column, token: Token) -> Result<(), DecodeError> {
        let start = self.scan.position();
        match (&mut column.values, &column.kind, token) {
            (Values::Text(bytes), Kind::Text { json: false }, Token::String) => {
                self.scan.string()?.append_to(&mut bytes.data);
                bytes.end_value().ok_or_else(too_large)?;
            }
            (Values::Text(bytes), Kind::Text { json: true }, _) => {
                self.scan.skip()?;
                bytes.data.extend_from_slice(self.scan.since(start).as_bytes());
                bytes.end_value().ok_or_else(too_large)?;
            }
            (Values::Boolean(bits), _, Token::True | Token::False) => {
                self.scan.word(token)?;
                bits.push(token == Token::True);
            }
            (Values::Struct(members), ..) if token == Token::Object => self.members(members)?,
            (Values::List(list), ..) if token == Token::Array => self.list(list)?,
            (Values::Map(map), ..) if token == Token::Object => self.map(map)?,
            (_, _, Token::Number) => {
                let number = self.scan.number()?;
                push_number(column, number)?;
            }
            (_, _, Token::String) => {
                let string = self.scan.string()?;
                let text = string.text(self.scratch);
                push_text(column, text)?;
            }
            _ => return Err(wrong_type(column, self.scan.value_at(start))),
        }
        column.valid();
        Ok(())
    }

    fn list(&mut self, list: &mut Repeated) -> Result<(), DecodeError> {
        self.scan.open()?;
        let mut index = 0;
        while self.scan.element(index == 0)? {
            self.take_room(list.slot_bytes)?;
            self.nullable(&mut list.element, list.nullable).map_err(|error| error.in_element(index))?;
            index += 1;
        }
        list.end_value().ok_or_else(too_large)
    }

    fn map(&mut self, map: &mut Entries) -> Result<(), DecodeError> {
        self.scan.open()?;
        let mut first = true;
        while let Some(key) = self.scan.member(first)? {
            first = false;
            self.take_room(map.slot_bytes)?;
            key.append_to(&mut map.keys.data);
            map.keys.end_value().ok_or_else(too_large)?;
            self.nullable(&mut map.value, map.nullable).map_err(|error| error.in_key(key.text(self.scratch)))?;
        }
        if let Some(key) = map.repeated_key() {
            let key = String::from_utf8_lossy(key);
            return Err(DecodeError::new(Fault::DuplicateField, "each key once", &key).in_key(&key));
        }
        map.end_value().ok_or_else(too_large)
    }

    fn take_room(&mut self, bytes: usize) -> Result<(), DecodeError> {
        self.taken += bytes;
        if self.taken > self.room { Err(too_large()) } else { Ok(()) }
    }

    /// Bytes of list and map slots that the row has taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

/// Passes over a field that the table lacks, if that is allowed.
#[cold]
fn left_out(scan: &mut Scanner<'_>, name: &str, on_unknown_field: OnUnknownField) -> Result<(), DecodeError> {
    scan.token()?;
    let start = scan.position();
    let holds = scan.skip().map_err(|error| error.in_field(name))?;
    if holds && on_unknown_field == OnUnknownField::Stop {
        return Err(DecodeError::new(Fault::UnknownField, "a field of the table", scan.since(start)).in_field(name));
    }
    Ok(())
}

/// Nulls for the fields that the object at hand lacks.
fn fill_missing(members: &mut Members) -> Result<(), DecodeError> {
    for (place, column) in members.columns.iter_mut().enumerate() {
        if members.seen[place] == members.stamp {
            continue;
        }
        if !members.group.nodes[place].nullable {
            let error = DecodeError::new(Fault::MissingField, column.kind.name(), "no such field");
            return Err(error.in_field(&members.group.names.names[place]));
        }
        column.null();
    }
    Ok(())
}

fn push_number(column: &mut Column, number: Number<'_>) -> Result<(), DecodeError> {
    let pushed = match (&mut column.values, &column.kind) {
        (Values::I64(values), Kind::Long) => text::integer(number).map(|value| values.push(value)),
        (Values::I32(values), Kind::Int) => text::integer(number).map(|value| values.push(value)),
        (Values::F64(values), _) => text::double(number).map(|value| values.push(value)),
        (Values::F32(values), _) => text::float(number).map(|value| values.push(value)),
        (Values::I128(values), Kind::Decimal { precision, scale }) => {
            text::decimal(number, *precision, *scale).map(|value| values.push(value))
        }
        _ => return Err(wrong_type(column, number.text)),
    };
    pushed.map_err(|fault| number_error(column, fault, number.text))
}

/// A string for a column that is none.
fn push_text(column: &mut Column, text: &str) -> Result<(), DecodeError> {
    let pushed = match (&mut column.values, &column.kind) {
        (Values::I64(values), Kind::Timestamp { zoned, .. }) => {
            text::timestamp(text, *zoned).map(|value| values.push(value))
        }
        (Values::I64(values), Kind::Time) => text::time(text).map(|value| values.push(value)),
        (Values::I32(values), Kind::Date) => text::date(text).map(|value| values.push(value)),
        (Values::I128(_), _) => match text::quoted_number(text) {
            Some(number) => return push_number(column, number),
            None => None,
        },
        (Values::Binary(bytes), _) => match BASE64.decode_vec(text, &mut bytes.data) {
            Ok(()) => Some(bytes.end_value().ok_or_else(too_large)?),
            Err(_) => None,
        },
        (Values::Raw(values), Kind::Fixed { width }) => push_fixed(&mut values.values, text, *width),
        _ => return Err(wrong_type(column, &format!("\"{text}\""))),
    };
    pushed.ok_or_else(|| DecodeError::new(Fault::BadText, column.kind.name(), &format!("\"{text}\"")))
}

/// A fixed-width value: base64, or for 16 bytes a UUID's text form (they differ in length).
fn push_fixed(values: &mut Vec<u8>, text: &str, width: i32) -> Option<()> {
    let start = values.len();
    match text::uuid(text) {
        Some(uuid) if width == 16 => values.extend_from_slice(&uuid),
        _ => BASE64.decode_vec(text, values).ok()?,
    }
    (i32::try_from(values.len() - start) == Ok(width)).then_some(())
}

/// The value that follows, as it is spelt.
#[cold]
fn value_ahead<'a>(scan: &mut Scanner<'a>) -> &'a str {
    // Where no value follows, the text from here on is as good an answer.
    let _ = scan.token();
    scan.value_at(scan.position())
}

#[cold]
fn wrong_type(column: &Column, found: &str) -> DecodeError {
    DecodeError::new(Fault::WrongType, column.kind.name(), found)
}

#[cold]
fn number_error(column: &Column, fault: NumberFault, found: &str) -> DecodeError {
    let kind = match fault {
        NumberFault::Fraction => Fault::Fraction,
        NumberFault::Range => Fault::OutOfRange,
    };
    DecodeError::new(kind, column.kind.name(), found)
}

#[cold]
pub(crate) fn too_large() -> DecodeError {
    let expected =
        format!("at most {ROW_GROWTH} times the record's bytes and {FREE_ROW_BYTES} more, in {MAX_DEPTH} levels");
    DecodeError::new(Fault::TooLarge, expected, "more")
}
