//! The decode plan: an Arrow schema, checked and turned once into what every record of the table needs.
//!
//! A plan is immutable and cheap to clone. What cannot be decoded into is refused here, by the column's path, so that a
//! decoder never meets a type it does not know.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, SchemaRef, TimeUnit};

use super::options::{DecodeOptions, MetadataColumns};

/// Key in an Arrow field's metadata; `true` makes a string column take any JSON value and keep its text.
pub const JSON_TEXT_KEY: &str = "k2i.json-text";

/// In an Iceberg field's doc, the mark that survives with the table: Iceberg's Arrow schema carries the doc along.
/// A doc that contains it means the same as [`JSON_TEXT_KEY`].
pub const JSON_TEXT_DOC: &str = "JSON text (k2i.json-text)";

/// Where Iceberg's conversion to Arrow puts a field's doc.
const DOC_KEY: &str = "doc";

/// Types deeper than this cannot be filled anyway ([`super::MAX_DEPTH`]).
const MAX_TYPE_DEPTH: u32 = super::MAX_DEPTH;

/// A schema that cannot be decoded into, or that does not fit the metadata columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A column of a type that this version does not write.
    #[error("column `{path}` has the type {found}, which cannot be decoded from json")]
    Unsupported {
        /// The column's path.
        path: String,
        /// Its Arrow type.
        found: String,
    },
    /// The table has no column for a configured metadata column.
    #[error("the table has no column `{name}`; add it as {expected}, or switch that metadata column off")]
    MissingMetadata {
        /// The configured name.
        name: String,
        /// Its Iceberg type.
        expected: &'static str,
    },
    /// A metadata column's name stands for a column of another type.
    #[error("column `{name}` has the type {found}, but the metadata column of that name is {expected}")]
    MetadataType {
        /// The configured name.
        name: String,
        /// Its Arrow type.
        found: String,
        /// The Iceberg type it must have.
        expected: &'static str,
    },
    /// Two columns, or two fields of one struct, have one name.
    #[error("the name `{path}` stands for two fields")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// The schema has no columns.
    #[error("the table has no columns")]
    NoColumns,
    /// `batch_rows` or `batch_bytes` is zero.
    #[error("a batch must hold at least one row and one byte")]
    EmptyBatch,
}

/// A metadata column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metadata {
    Partition,
    Offset,
    Timestamp,
    Topic,
    Key,
    Headers,
}

impl Metadata {
    fn expected(self) -> &'static str {
        match self {
            Self::Partition => "int",
            Self::Offset => "long",
            Self::Timestamp => "timestamptz",
            Self::Topic => "string",
            Self::Key => "binary or string",
            Self::Headers => "list<struct<key: string, value: binary>>",
        }
    }

    fn accepts(self, kind: &Kind) -> bool {
        match self {
            Self::Partition => matches!(kind, Kind::Int),
            Self::Offset => matches!(kind, Kind::Long),
            Self::Timestamp => matches!(kind, Kind::Timestamp { zoned: true, .. }),
            Self::Topic => matches!(kind, Kind::Text { .. }),
            Self::Key => matches!(kind, Kind::Text { .. } | Kind::Binary),
            Self::Headers => match kind {
                Kind::List { element, .. } => matches!(&element.kind, Kind::Struct(group) if is_header(group)),
                _ => false,
            },
        }
    }
}

fn is_header(group: &Group) -> bool {
    matches!(&group.nodes[..], [key, value]
        if &*group.names.names[0] == "key" && matches!(key.kind, Kind::Text { .. })
            && &*group.names.names[1] == "value" && matches!(value.kind, Kind::Binary) && value.nullable)
}

/// What a column takes.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Date,
    Time,
    Timestamp { zoned: bool, zone: Option<Arc<str>> },
    Decimal { precision: u8, scale: i8 },
    Text { json: bool },
    Binary,
    Fixed { width: i32 },
    Struct(Arc<Group>),
    List { field: FieldRef, element: Box<Node> },
    Map { entries: FieldRef, value: Box<Node> },
}

impl Kind {
    /// The type's Iceberg name, for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Boolean => "boolean".to_owned(),
            Self::Int => "int".to_owned(),
            Self::Long => "long".to_owned(),
            Self::Float => "float".to_owned(),
            Self::Double => "double".to_owned(),
            Self::Date => "date as \"YYYY-MM-DD\"".to_owned(),
            Self::Time => "time as \"HH:MM:SS[.ffffff]\"".to_owned(),
            Self::Timestamp { zoned: true, .. } => "timestamptz as an rfc 3339 string with a zone".to_owned(),
            Self::Timestamp { .. } => "timestamp as an rfc 3339 string without a zone".to_owned(),
            Self::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
            Self::Text { .. } => "string".to_owned(),
            Self::Binary => "binary as a base64 string".to_owned(),
            Self::Fixed { width: 16 } => "uuid, or fixed[16] as a base64 string".to_owned(),
            Self::Fixed { width } => format!("fixed[{width}] as a base64 string"),
            Self::Struct(_) => "struct".to_owned(),
            Self::List { .. } => "list".to_owned(),
            Self::Map { .. } => "map".to_owned(),
        }
    }

    /// Bytes that one slot takes in memory whatever it holds: what a short `{}` in a list costs.
    pub(crate) fn slot_bytes(&self) -> usize {
        match self {
            Self::Boolean => 1,
            Self::Int | Self::Float | Self::Date | Self::Text { .. } | Self::List { .. } | Self::Map { .. } => 4,
            Self::Long | Self::Double | Self::Time | Self::Timestamp { .. } | Self::Binary => 8,
            Self::Decimal { .. } => 16,
            Self::Fixed { width } => usize::try_from(*width).unwrap_or(0),
            Self::Struct(group) => group.nodes.iter().map(|node| node.kind.slot_bytes()).sum(),
        }
    }
}

/// One column, list element, map value or struct field.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub kind: Kind,
    pub nullable: bool,
}

/// The fields of a struct, or the value columns of the table.
#[derive(Debug)]
pub(crate) struct Group {
    pub fields: Fields,
    pub nodes: Vec<Node>,
    pub names: Names,
}

/// Field names and where each stands.
#[derive(Debug)]
pub(crate) struct Names {
    pub names: Vec<Box<str>>,
    places: HashMap<Box<str>, usize>,
}

impl Names {
    /// The place of a name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

/// Where a table column's values come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// The value column at this place of the root group.
    Value(usize),
    /// The metadata column at this place of [`Inner::metadata`].
    Metadata(usize),
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub schema: SchemaRef,
    pub options: DecodeOptions,
    pub root: Arc<Group>,
    pub metadata: Vec<(Metadata, Node, Box<str>)>,
    pub sources: Vec<Source>,
    /// What a row takes in memory if it holds nothing.
    pub row_bytes: usize,
}

/// What decoding into one schema needs, made once (see the [module](super) for the rules it stands for).
#[derive(Debug, Clone)]
pub struct DecodePlan(pub(crate) Arc<Inner>);

impl DecodePlan {
    /// Checks the schema and prepares it.
    ///
    /// # Errors
    /// [`PlanError`], naming the column.
    pub fn new(schema: &SchemaRef, columns: &MetadataColumns, options: DecodeOptions) -> Result<Self, PlanError> {
        if schema.fields().is_empty() {
            return Err(PlanError::NoColumns);
        }
        if options.batch_rows == 0 || options.batch_bytes == 0 {
            return Err(PlanError::EmptyBatch);
        }
        let wanted = wanted(columns);
        for (name, which) in &wanted {
            if schema.field_with_name(name).is_err() {
                return Err(PlanError::MissingMetadata { name: (*name).to_owned(), expected: which.expected() });
            }
        }
        let (mut values, mut metadata, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        for field in schema.fields() {
            match wanted.iter().find(|(name, _)| *name == field.name()) {
                Some((name, which)) => {
                    sources.push(Source::Metadata(metadata.len()));
                    metadata.push((*which, metadata_node(*which, field)?, Box::from(*name)));
                }
                None => {
                    sources.push(Source::Value(values.len()));
                    values.push(Arc::clone(field));
                }
            }
        }
        let root = Arc::new(group(&Fields::from(values), "", 0)?);
        let nodes = root.nodes.iter().chain(metadata.iter().map(|(_, node, _)| node));
        let row_bytes = nodes.map(|node| node.kind.slot_bytes()).sum();
        let schema = Arc::clone(schema);
        Ok(Self(Arc::new(Inner { schema, options, root, metadata, sources, row_bytes })))
    }

    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    /// The options it was made with.
    #[must_use]
    pub fn options(&self) -> &DecodeOptions {
        &self.0.options
    }
}

fn wanted(columns: &MetadataColumns) -> Vec<(&str, Metadata)> {
    let all = [
        (&columns.partition, Metadata::Partition),
        (&columns.offset, Metadata::Offset),
        (&columns.timestamp, Metadata::Timestamp),
        (&columns.topic, Metadata::Topic),
        (&columns.key, Metadata::Key),
        (&columns.headers, Metadata::Headers),
    ];
    all.into_iter().filter_map(|(name, which)| Some((name.as_deref()?, which))).collect()
}

fn metadata_node(which: Metadata, field: &FieldRef) -> Result<Node, PlanError> {
    let node = node(field, field.name(), 1)?;
    if which.accepts(&node.kind) {
        return Ok(node);
    }
    Err(PlanError::MetadataType {
        name: field.name().clone(),
        found: field.data_type().to_string(),
        expected: which.expected(),
    })
}

fn group(fields: &Fields, path: &str, depth: u32) -> Result<Group, PlanError> {
    let (mut nodes, mut names) = (Vec::with_capacity(fields.len()), Vec::with_capacity(fields.len()));
    let mut places = HashMap::with_capacity(fields.len());
    for (place, field) in fields.iter().enumerate() {
        let path = if path.is_empty() { field.name().clone() } else { format!("{path}.{}", field.name()) };
        nodes.push(node(field, &path, depth + 1)?);
        names.push(Box::from(field.name().as_str()));
        if places.insert(Box::from(field.name().as_str()), place).is_some() {
            return Err(PlanError::Duplicate { path });
        }
    }
    Ok(Group { fields: fields.clone(), nodes, names: Names { names, places } })
}

fn node(field: &Field, path: &str, depth: u32) -> Result<Node, PlanError> {
    Ok(Node { kind: kind(field, path, depth)?, nullable: field.is_nullable() })
}

fn kind(field: &Field, path: &str, depth: u32) -> Result<Kind, PlanError> {
    let unsupported = || PlanError::Unsupported { path: path.to_owned(), found: field.data_type().to_string() };
    if depth > MAX_TYPE_DEPTH {
        return Err(unsupported());
    }
    Ok(match field.data_type() {
        DataType::Boolean => Kind::Boolean,
        DataType::Int32 => Kind::Int,
        DataType::Int64 => Kind::Long,
        DataType::Float32 => Kind::Float,
        DataType::Float64 => Kind::Double,
        DataType::Date32 => Kind::Date,
        DataType::Time64(TimeUnit::Microsecond) => Kind::Time,
        DataType::Timestamp(TimeUnit::Microsecond, None) => Kind::Timestamp { zoned: false, zone: None },
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if matches!(&**zone, "+00:00" | "UTC") => {
            Kind::Timestamp { zoned: true, zone: Some(Arc::clone(zone)) }
        }
        DataType::Decimal128(precision, scale) => Kind::Decimal { precision: *precision, scale: *scale },
        DataType::Utf8 => Kind::Text { json: is_json_text(field) },
        DataType::LargeBinary => Kind::Binary,
        DataType::FixedSizeBinary(width) if *width > 0 => Kind::Fixed { width: *width },
        // A struct without fields has no form in Parquet.
        DataType::Struct(fields) if !fields.is_empty() => Kind::Struct(Arc::new(group(fields, path, depth)?)),
        DataType::List(element) => {
            let inner = node(element, &format!("{path}.element"), depth + 1)?;
            Kind::List { field: Arc::clone(element), element: Box::new(inner) }
        }
        DataType::Map(entries, false) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 && *pair[0].data_type() == DataType::Utf8 => {
                let value = node(&pair[1], &format!("{path}.value"), depth + 1)?;
                Kind::Map { entries: Arc::clone(entries), value: Box::new(value) }
            }
            _ => return Err(unsupported()),
        },
        _ => return Err(unsupported()),
    })
}

fn is_json_text(field: &Field) -> bool {
    let metadata = field.metadata();
    metadata.get(JSON_TEXT_KEY).is_some_and(|value| value == "true")
        || metadata.get(DOC_KEY).is_some_and(|doc| doc.contains(JSON_TEXT_DOC))
}
