//! How one value is read, from TOML or from text, and written back as TOML.
//!
//! Reading reports its own problems (a list or a map may have several, each on a line of its own) and goes on, so that
//! one pass over the file finds them all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml_edit::{Item, Value};

use super::problem::{Place, Problem, Sourced};
use super::secret::SecretSource;

/// The place where a value is being read, and the problems found so far.
pub(super) struct Reader<'a> {
    /// Full key.
    pub(super) key: String,
    /// Where it was given.
    pub(super) place: Place,
    /// Line starts of the file, to turn a span into a line.
    pub(super) lines: &'a Lines,
    /// Problems found so far, here and before.
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// Reports a problem of this key.
    pub(super) fn problem(&mut self, message: impl Into<String>) {
        self.problems.push(Problem { key: self.key.clone(), place: self.place.clone(), message: message.into() });
    }

    /// A reader for something inside this value, on its own line.
    pub(super) fn inside(&mut self, key: String, span: Option<std::ops::Range<usize>>) -> Reader<'_> {
        let place = span.map_or_else(|| self.place.clone(), |span| Place::Line(self.lines.of(span.start)));
        Reader { key, place, lines: self.lines, problems: self.problems }
    }

    fn wrong_type(&mut self, expected: &str, item: &Item) {
        self.problem(format!("must be {expected}, not {}", type_name(item)));
    }
}

/// Offsets at which the lines of a file begin.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect())
    }

    /// The line of a byte offset, from 1.
    pub(super) fn of(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset) + 1
    }
}

/// A type that a key may have.
pub(super) trait ConfigValue: Clone {
    /// What the reference page and error messages call it.
    fn kind() -> String;

    /// Reads it from the file; reports what is wrong.
    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self>;

    /// Reads it from an environment variable or a flag.
    fn from_text(text: &str) -> Result<Self, String>;

    /// Reads one named entry of a map from an environment variable or a flag; `None`: this type has no entries.
    fn from_entry(_name: &str, _text: &str, _reader: &Reader<'_>) -> Option<Result<Self, String>> {
        None
    }

    /// The value as TOML.
    fn to_toml(&self) -> String;

    /// This value over one of lower precedence.
    fn over(self, _base: &Self) -> Self {
        self
    }
}

/// Reads a TOML string and hands it to `from_text`.
fn from_string<T: ConfigValue>(item: &Item, reader: &mut Reader<'_>) -> Option<T> {
    let Some(text) = item.as_str() else {
        reader.wrong_type(&T::kind(), item);
        return None;
    };
    T::from_text(text).map_err(|message| reader.problem(message)).ok()
}

/// A string as a TOML basic string.
pub(super) fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

pub(super) fn type_name(item: &Item) -> &'static str {
    match item {
        Item::None => "nothing",
        Item::Table(_) | Item::Value(Value::InlineTable(_)) => "a table",
        Item::ArrayOfTables(_) | Item::Value(Value::Array(_)) => "a list",
        Item::Value(Value::String(_)) => "text",
        Item::Value(Value::Integer(_)) => "a whole number",
        Item::Value(Value::Float(_)) => "a fraction",
        Item::Value(Value::Boolean(_)) => "true or false",
        Item::Value(Value::Datetime(_)) => "a date",
    }
}

impl ConfigValue for String {
    fn kind() -> String {
        "text".to_owned()
    }

    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
        from_string(item, reader)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("must not be empty".to_owned()),
            _ if text.trim() != text => Err("begins or ends with white space".to_owned()),
            _ if text.chars().any(char::is_control) => Err("contains a control character".to_owned()),
            _ => Ok(text.to_owned()),
        }
    }

    fn to_toml(&self) -> String {
        quote(self)
    }
}

impl ConfigValue for PathBuf {
    fn kind() -> String {
        "a path".to_owned()
    }

    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
        from_string(item, reader)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        String::from_text(text).map(Self::from)
    }

    fn to_toml(&self) -> String {
        quote(&self.display().to_string())
    }
}

impl ConfigValue for bool {
    fn kind() -> String {
        "true or false".to_owned()
    }

    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
        let value = item.as_bool();
        if value.is_none() {
            reader.wrong_type(&Self::kind(), item);
        }
        value
    }

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("must be true or false, not {text:?}"))
    }

    fn to_toml(&self) -> String {
        self.to_string()
    }
}

/// A whole number between two bounds, both allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<const MIN: u64, const MAX: u64>(pub(super) u64);

impl<const MIN: u64, const MAX: u64> Whole<MIN, MAX> {
    fn checked(value: i128) -> Result<Self, String> {
        u64::try_from(value)
            .ok()
            .filter(|value| (MIN..=MAX).contains(value))
            .map(Self)
            .ok_or_else(|| format!("must be from {MIN} to {MAX}, not {value}"))
    }
}

impl<const MIN: u64, const MAX: u64> ConfigValue for Whole<MIN, MAX> {
    fn kind() -> String {
        format!("a whole number from {MIN} to {MAX}")
    }

    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(value) = item.as_integer() else {
            reader.wrong_type(&Self::kind(), item);
            return None;
        };
        Self::checked(i128::from(value)).map_err(|message| reader.problem(message)).ok()
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let value = text.parse().map_err(|_| format!("must be {}, not {text:?}", Self::kind()))?;
        Self::checked(value)
    }

    fn to_toml(&self) -> String {
        self.0.to_string()
    }
}

/// Several texts: a TOML list, or one string with commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextList(pub(super) Vec<String>);

impl ConfigValue for TextList {
    fn kind() -> String {
        "a list of texts, or one text with commas".to_owned()
    }

    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(array) = item.as_array() else {
            return from_string(item, reader);
        };
        let mut texts = Vec::new();
        for (index, value) in array.iter().enumerate() {
            let mut inner = reader.inside(format!("{}[{index}]", reader.key), value.span());
            texts.push(String::from_item(&Item::Value(value.clone()), &mut inner));
        }
        if texts.is_empty() {
            reader.problem("must not be empty");
            return None;
        }
        texts.into_iter().collect::<Option<_>>().map(Self)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| String::from_text(part.trim())).collect::<Result<_, _>>().map(Self)
    }

    fn to_toml(&self) -> String {
        format!("[{}]", self.0.iter().map(|text| quote(text)).collect::<Vec<_>>().join(", "))
    }
}

impl ConfigValue for SecretSource {
    fn kind() -> String {
        "a secret: `env:NAME`, `file:/path` or the value".to_owned()
    }

    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
        from_string(item, reader)
    }

    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }

    fn to_toml(&self) -> String {
        match self {
            Self::Variable(name) => quote(&format!("env:{name}")),
            Self::File(path) => quote(&format!("file:{}", path.display())),
            Self::Plain(_) => quote("***"),
        }
    }
}

/// Properties handed on under names that are not ours; each may come from another place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Properties(pub(super) BTreeMap<String, Sourced<SecretSource>>);

impl Properties {
    fn collect(&mut self, prefix: &str, item: &Item, reader: &mut Reader<'_>) {
        // An unquoted `security.protocol = ...` is a nested table to TOML: put together again what belongs together.
        if let Some(table) = item.as_table_like() {
            for (name, value) in table.iter() {
                let span = table.get_key_value(name).and_then(|(key, _)| key.span());
                let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
                let key = format!("{}.{}", reader.key, table_key(&name, prefix));
                self.collect(&name, value, &mut reader.inside(key, span));
            }
            return;
        }
        let text = match item {
            Item::Value(Value::String(text)) => text.value().clone(),
            Item::Value(Value::Integer(number)) => number.value().to_string(),
            Item::Value(Value::Boolean(flag)) => flag.value().to_string(),
            _ => return reader.wrong_type("text, a whole number, or true or false", item),
        };
        match SecretSource::parse(&text) {
            Ok(value) => {
                let sourced = Sourced { value, key: reader.key.clone(), place: reader.place.clone() };
                self.0.insert(prefix.to_owned(), sourced);
            }
            Err(message) => reader.problem(message),
        }
    }
}

/// The last step of a dotted name, below what the reader's key already holds.
fn table_key<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).map_or(name, |rest| rest.trim_start_matches('.'))
}

impl ConfigValue for Properties {
    fn kind() -> String {
        "a table of properties".to_owned()
    }

    fn from_item(item: &Item, reader: &mut Reader<'_>) -> Option<Self> {
        if item.as_table_like().is_none() {
            reader.wrong_type("a table", item);
            return None;
        }
        let mut properties = Self::default();
        properties.collect("", item, reader);
        Some(properties)
    }

    fn from_text(_text: &str) -> Result<Self, String> {
        Err("is a table: name one property, as in K2I__KAFKA__PROPERTIES__CLIENT_RACK".to_owned())
    }

    fn from_entry(name: &str, text: &str, reader: &Reader<'_>) -> Option<Result<Self, String>> {
        Some(SecretSource::parse(text).map(|value| {
            let sourced = Sourced { value, key: reader.key.clone(), place: reader.place.clone() };
            Self(BTreeMap::from([(name.to_owned(), sourced)]))
        }))
    }

    fn to_toml(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{} = {}", quote(name), value.value.to_toml()));
        format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
    }

    fn over(mut self, base: &Self) -> Self {
        for (name, value) in &base.0 {
            self.0.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }
}
