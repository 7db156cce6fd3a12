//! Columns of a configured schema: `{ name = "price", type = "decimal(12,2)", required = true }`.
//!
//! Types are written as in the Iceberg spec ("Schemas and data types"): primitives by name, `list<T>`, `map<string, T>`
//! and `struct<name: T, ...>`. Which of them a record format can fill is the decoder's word, not ours.

use toml_edit::{Item, TableLike};

use super::problem::nearest;
use super::value::{ConfigValue, Reader, quote, type_name};

/// How deep a type may nest; deeper is refused, so that reading one needs bounded stack.
const MAX_DEPTH: usize = 16;

/// One column of a configured schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub column_type: ColumnType,
    /// True when a record without it stops the table.
    pub required: bool,
}

/// An Iceberg type of format version 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// A type without parts, under its name in the Iceberg spec.
    Primitive(&'static str),
    /// A decimal number.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u32,
        /// Digits after the point, at most `precision`.
        scale: u32,
    },
    /// Bytes of a fixed number.
    Fixed(u64),
    /// A list; elements may be null.
    List(Box<ColumnType>),
    /// A map with text keys; values may be null.
    Map(Box<ColumnType>),
    /// A struct; fields may be null.
    Struct(Vec<(String, ColumnType)>),
}

const PRIMITIVES: [&str; 12] = [
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "string",
    "uuid",
    "binary",
];

impl ColumnType {
    /// Reads a type from its text form.
    ///
    /// # Errors
    /// Says what was expected and where the text stops making sense.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text };
        let parsed = parser.parse_type(0)?;
        match parser.rest.trim() {
            "" => Ok(parsed),
            rest => Err(format!("unexpected {rest:?} after the type")),
        }
    }
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Primitive(name) => f.write_str(name),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Fixed(length) => write!(f, "fixed[{length}]"),
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Map(value) => write!(f, "map<string, {value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (index, (name, field)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {field}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(">")
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn parse_type(&mut self, depth: usize) -> Result<ColumnType, String> {
        if depth > MAX_DEPTH {
            return Err(format!("nests deeper than {MAX_DEPTH} types"));
        }
        let word = self.word();
        match word.as_str() {
            "list" => {
                self.inside(|parser| parser.parse_type(depth + 1)).map(|element| ColumnType::List(Box::new(element)))
            }
            "map" => self.inside(|parser| parser.parse_map(depth + 1)),
            "struct" => self.inside(|parser| parser.parse_fields(depth + 1)),
            "decimal" => self.parse_decimal(),
            "fixed" => {
                self.expect('[')?;
                let length = self.number()?;
                self.expect(']')?;
                (length > 0).then_some(ColumnType::Fixed(length)).ok_or_else(|| "fixed[0] holds nothing".to_owned())
            }
            _ => primitive(&word),
        }
    }

    fn inside(&mut self, read: impl FnOnce(&mut Self) -> Result<ColumnType, String>) -> Result<ColumnType, String> {
        self.expect('<')?;
        let parsed = read(self)?;
        self.expect('>')?;
        Ok(parsed)
    }

    fn parse_map(&mut self, depth: usize) -> Result<ColumnType, String> {
        let key = self.word();
        if key != "string" {
            return Err(format!("map keys are string, not {key:?}"));
        }
        self.expect(',')?;
        self.parse_type(depth).map(|value| ColumnType::Map(Box::new(value)))
    }

    fn parse_fields(&mut self, depth: usize) -> Result<ColumnType, String> {
        let mut fields: Vec<(String, ColumnType)> = Vec::new();
        loop {
            let name = self.word();
            if name.is_empty() {
                return Err(format!("expected a field name at {:?}", self.rest));
            }
            if fields.iter().any(|(other, _)| *other == name) {
                return Err(format!("field {name:?} appears twice"));
            }
            self.expect(':')?;
            let field = self.parse_type(depth)?;
            fields.push((name, field));
            if self.expect(',').is_err() {
                return Ok(ColumnType::Struct(fields));
            }
        }
    }

    fn parse_decimal(&mut self) -> Result<ColumnType, String> {
        self.expect('(')?;
        let precision = self.number()?;
        self.expect(',')?;
        let scale = self.number()?;
        self.expect(')')?;
        match (u32::try_from(precision), u32::try_from(scale)) {
            (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => Ok(ColumnType::Decimal { precision, scale }),
            _ => Err(format!("decimal({precision},{scale}): precision is 1 to 38, scale at most the precision")),
        }
    }

    /// Letters, digits, `_` and `-` up to the next other character.
    fn word(&mut self) -> String {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn number(&mut self) -> Result<u64, String> {
        let word = self.word();
        word.parse().map_err(|_| format!("expected a number, not {word:?}"))
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(format!("expected {wanted:?} at {:?}", self.rest)),
        }
    }
}

fn primitive(word: &str) -> Result<ColumnType, String> {
    if let Some(name) = PRIMITIVES.iter().find(|name| **name == word) {
        return Ok(ColumnType::Primitive(name));
    }
    let hint = nearest(word, PRIMITIVES).map_or_else(
        || format!("known are {}, decimal(p,s), fixed[n], list<>, map<string, >, struct<>", PRIMITIVES.join(", ")),
        |name| format!("did you mean {name:?}?"),
    );
    Err(format!("unknown type {word:?}; {hint}"))
}

/// The columns of a table, none twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns(pub(super) Vec<Column>);

const COLUMN_KEYS: [&str; 3] = ["name", "type", "required"];

impl ConfigValue for Columns {
    fn kind() -> String {
        "a list of columns, each a table of `name`, `type` and, where it is true, `required`".to_owned()
    }

    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
        let tables = tables(item, reader)?;
        let mut columns: Vec<Option<Column>> = Vec::new();
        for (index, table) in tables.iter().enumerate() {
            let mut inner = reader.inside(format!("{}[{index}]", reader.key), table.1.clone());
            let column = read_column(table.0, &mut inner);
            if let Some(column) = &column
                && columns.iter().flatten().any(|other| other.name == column.name)
            {
                inner.problem(format!("column {} appears twice", quote(&column.name)));
            }
            columns.push(column);
        }
        if columns.is_empty() {
            reader.problem("must not be empty; leave it out to have the schema inferred");
            return None;
        }
        columns.into_iter().collect::<Option<_>>().map(Self)
    }

    fn from_text(_text: &str) -> Result<Self, String> {
        Err("can be set in the configuration file only".to_owned())
    }

    fn to_toml(&self) -> String {
        let column = |column: &Column| {
            let required = if column.required { ", required = true" } else { "" };
            let column_type = quote(&column.column_type.to_string());
            format!("{{ name = {}, type = {column_type}{required} }}", quote(&column.name))
        };
        format!("[{}]", self.0.iter().map(column).collect::<Vec<_>>().join(", "))
    }
}

type SpannedTable<'a> = (&'a dyn TableLike, Option<std::ops::Range<usize>>);

/// The tables of `columns = [{...}]` or `[[iceberg.columns]]`.
fn tables<'a>(item: &'a Item, reader: &mut Reader<'_>) -> Option<Vec<SpannedTable<'a>>> {
    if let Some(tables) = item.as_array_of_tables() {
        return Some(tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect());
    }
    let Some(array) = item.as_array() else {
        reader.problem(format!("must be {}, not {}", Columns::kind(), type_name(item)));
        return None;
    };
    let mut tables = Vec::new();
    for (index, value) in array.iter().enumerate() {
        match value.as_inline_table() {
            Some(table) => tables.push((table as &dyn TableLike, table.span())),
            None => {
                let key = format!("{}[{index}]", reader.key);
                reader.inside(key, value.span()).problem("must be a table of `name` and `type`");
                return None;
            }
        }
    }
    Some(tables)
}

fn read_column(table: &dyn TableLike, reader: &mut Reader<'_>) -> Option<Column> {
    let (mut name, mut column_type, mut required) = (None, None, Some(false));
    let mut known = true;
    for (key, item) in table.iter() {
        let span = table.get_key_value(key).and_then(|(key, _)| key.span());
        let mut inner = reader.inside(format!("{}.{key}", reader.key), span);
        match key {
            "name" => name = Some(String::from_item(item, &mut inner)),
            "type" => column_type = Some(read_type(item, &mut inner)),
            "required" => required = bool::from_item(item, &mut inner),
            _ => {
                let hint = nearest(key, COLUMN_KEYS).map_or_else(
                    || format!("known are {}", COLUMN_KEYS.join(", ")),
                    |near| format!("did you mean {near:?}?"),
                );
                inner.problem(format!("unknown key; {hint}"));
                known = false;
            }
        }
    }
    if name.is_none() {
        reader.problem("a column needs a `name`");
    }
    if column_type.is_none() {
        reader.problem("a column needs a `type`");
    }
    let column = Column { name: name??, column_type: column_type??, required: required? };
    known.then_some(column)
}

fn read_type(item: &Item, reader: &mut Reader<'_>) -> Option<ColumnType> {
    let text = String::from_item(item, reader)?;
    ColumnType::parse(&text).map_err(|message| reader.problem(message)).ok()
}
