//! Why a record cannot become a row: what was wrong, in which field, what stood there and what belongs there.
//!
//! An error is built only on the way out, from the inside to the outside: each level adds its own step to the path, so
//! that a good record pays nothing for it. Text taken from a record is cut to [`MAX_SHOWN`] characters, so that neither
//! a log line nor a message to an operator can be flooded by data.

use std::fmt;

/// Characters of a record's own text that an error repeats at most, per piece.
pub const MAX_SHOWN: usize = 80;

/// What kind of fault it is. Each stands for one paragraph of the errors' reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DecodeErrorKind {
    /// The bytes are not JSON (RFC 8259): syntax, a lone surrogate, bytes after the value, no bytes at all.
    Malformed,
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// Objects and arrays are nested deeper than [`super::MAX_DEPTH`].
    TooDeep,
    /// The table has no such field.
    UnknownField,
    /// One object names a field twice, or one map a key.
    DuplicateField,
    /// A required field is absent.
    MissingField,
    /// A required field is null.
    NullField,
    /// Another JSON type than the column takes (a quoted number for a long, an object for a string, ...).
    WrongType,
    /// A number with a fraction or an exponent for an integer, or with more decimals than a decimal column keeps.
    Fraction,
    /// The right type, but too large or too small for the column.
    OutOfRange,
    /// A text that does not spell a value of the column's type.
    BadText,
    /// The whole record is null and the table is configured to stop there.
    NullValue,
    /// The row would take far more memory than its record.
    TooLarge,
}

impl DecodeErrorKind {
    /// The kind in words, as messages begin.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed json",
            Self::InvalidUtf8 => "invalid utf-8",
            Self::TooDeep => "nested too deeply",
            Self::UnknownField => "unknown field",
            Self::DuplicateField => "field named twice",
            Self::MissingField => "missing required field",
            Self::NullField => "null in a required field",
            Self::WrongType => "wrong type",
            Self::Fraction => "fraction that the column cannot keep",
            Self::OutOfRange => "value out of range",
            Self::BadText => "unreadable text",
            Self::NullValue => "null record",
            Self::TooLarge => "row too large",
        }
    }
}

/// One step of a field's path, outermost last while the error travels out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Element(usize),
    Key(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Detail {
    kind: DecodeErrorKind,
    steps: Vec<Step>,
    found: String,
    expected: String,
}

/// A record that cannot become a row. The decoder that gave it is as it was before the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Detail>);

impl DecodeError {
    /// An error about the value at hand; the levels above add the path.
    #[cold]
    pub(crate) fn new(kind: DecodeErrorKind, expected: impl Into<String>, found: &str) -> Self {
        Self(Box::new(Detail { kind, steps: Vec::new(), found: shorten(found), expected: expected.into() }))
    }

    #[cold]
    pub(crate) fn in_field(mut self, name: &str) -> Self {
        self.0.steps.push(Step::Field(shorten(name)));
        self
    }

    #[cold]
    pub(crate) fn in_element(mut self, index: usize) -> Self {
        self.0.steps.push(Step::Element(index));
        self
    }

    #[cold]
    pub(crate) fn in_key(mut self, key: &str) -> Self {
        self.0.steps.push(Step::Key(shorten(key)));
        self
    }

    /// What kind of fault it is.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// Where in the record: `a.b[3].c`, a map's entry as `m["key"]`; empty when the record as a whole is meant.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.steps.iter().rev() {
            match step {
                Step::Field(name) if path.is_empty() => path.push_str(name),
                Step::Field(name) => path.extend([".", name]),
                Step::Element(index) => path.push_str(&format!("[{index}]")),
                Step::Key(key) => path.push_str(&format!("[{key:?}]")),
            }
        }
        path
    }

    /// What stood there, as the record spells it, at most [`MAX_SHOWN`] characters.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// What belongs there.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.0.expected
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().as_str())?;
        let path = self.path();
        if !path.is_empty() {
            write!(f, " at `{path}`")?;
        }
        write!(f, ": expected {}, found {}", self.expected(), self.found())
    }
}

impl std::error::Error for DecodeError {}

/// `text` cut to [`MAX_SHOWN`] characters, control characters made visible.
fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        short.push_str("...");
    }
    short
}
