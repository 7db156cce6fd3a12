//! A column as configuration and inference describe it, before it has an id.

use std::fmt;

/// One column, or one field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// True when it is never null.
    pub required: bool,
    /// A comment for people.
    pub doc: Option<String>,
}

impl Column {
    /// An optional column without a comment.
    #[must_use]
    pub fn optional(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, required: false, doc: None }
    }

    /// The same column with a comment.
    #[must_use]
    pub fn with_doc(mut self, doc: impl Into<String>) -> Self {
        self.doc = Some(doc.into());
        self
    }
}

/// The types of Iceberg format version 2. `FromStr` reads what `Display` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// True or false.
    Boolean,
    /// 32-bit signed.
    Int,
    /// 64-bit signed.
    Long,
    /// 32-bit IEEE 754.
    Float,
    /// 64-bit IEEE 754.
    Double,
    /// Fixed point.
    Decimal {
        /// Digits, 1 to 38.
        precision: u32,
        /// Digits after the point, at most `precision`.
        scale: u32,
    },
    /// Day.
    Date,
    /// Time of day, microseconds.
    Time,
    /// Date and time without zone, microseconds.
    Timestamp,
    /// An instant, microseconds, stored as UTC.
    Timestamptz,
    /// UTF-8.
    String,
    /// 16 bytes.
    Uuid,
    /// So many bytes.
    Fixed(u32),
    /// Bytes.
    Binary,
    /// Named fields.
    Struct(Vec<Column>),
    /// Elements, which may be null.
    List(Box<ColumnType>),
    /// Keys, never null, and values, which may be.
    Map(Box<ColumnType>, Box<ColumnType>),
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Int => f.write_str("int"),
            Self::Long => f.write_str("long"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Timestamptz => f.write_str("timestamptz"),
            Self::String => f.write_str("string"),
            Self::Uuid => f.write_str("uuid"),
            Self::Fixed(bytes) => write!(f, "fixed({bytes})"),
            Self::Binary => f.write_str("binary"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (index, field) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{}", quoted(&field.name), field.kind)?;
                    f.write_str(if field.required { " required" } else { "" })?;
                }
                f.write_str(">")
            }
            Self::List(element) => write!(f, "list<{element}>"),
            Self::Map(key, value) => write!(f, "map<{key},{value}>"),
        }
    }
}

/// Names of letters, digits and underscores stand as they are, others in backticks.
fn quoted(name: &str) -> String {
    if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}
