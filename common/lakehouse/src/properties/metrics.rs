//! How much of each column's statistics goes into Iceberg's manifests (`write.metadata.metrics.*`).
//!
//! As in Iceberg's Java library: a mode that nobody knows counts as not set, and column sizes are always there. Where no
//! default is set, the first columns of the schema have bounds and the others counts.

use std::collections::BTreeMap;

use iceberg::spec::{PrimitiveType, Schema, StructType, Type};

use super::{PropertyError, refused};

const DEFAULT: &str = "write.metadata.metrics.default";
const COLUMN: &str = "write.metadata.metrics.column.";
const INFERRED: &str = "write.metadata.metrics.max-inferred-column-defaults";

/// Columns that have bounds where no default is set, counted in schema order.
const INFERRED_COLUMNS: usize = 100;

/// Longest string bound in code points, and binary bound in bytes, unless a mode says otherwise.
const BOUND_LENGTH: usize = 16;

/// What is said of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsMode {
    /// Its size.
    None,
    /// And its values, nulls and NaNs.
    Counts,
    /// And bounds: strings up to so many code points, binaries up to so many bytes.
    Truncate(usize),
    /// And bounds as they are.
    Full,
}

impl MetricsMode {
    /// Whether values, nulls and NaNs are counted.
    #[must_use]
    pub fn counts(self) -> bool {
        self != Self::None
    }

    /// How long a bound may be, in characters of a string or bytes of a binary; `None`: there are no bounds.
    #[must_use]
    pub fn bound_length(self) -> Option<usize> {
        match self {
            Self::None | Self::Counts => None,
            Self::Truncate(length) => Some(length),
            Self::Full => Some(usize::MAX),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        match text.as_str() {
            "none" => return Some(Self::None),
            "counts" => return Some(Self::Counts),
            "full" => return Some(Self::Full),
            _ => {}
        }
        let length = text.strip_prefix("truncate(")?.strip_suffix(')')?;
        length.parse().ok().filter(|length| *length > 0).map(Self::Truncate)
    }
}

/// The modes of a table's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsModes {
    default: Option<MetricsMode>,
    /// By full name.
    columns: BTreeMap<String, MetricsMode>,
    inferred_columns: usize,
}

impl Default for MetricsModes {
    fn default() -> Self {
        Self { default: None, columns: BTreeMap::new(), inferred_columns: INFERRED_COLUMNS }
    }
}

impl MetricsModes {
    /// Modes that nobody knows are added to `neglected`.
    pub(super) fn of(
        properties: &BTreeMap<String, String>,
        neglected: &mut Vec<String>,
    ) -> Result<Self, PropertyError> {
        let mut mode = |key: &str, value: &String| {
            let known = MetricsMode::parse(value);
            if known.is_none() {
                neglected.push(format!("{key} = {value}"));
            }
            known
        };
        let default = properties.get(DEFAULT).and_then(|value| mode(DEFAULT, value));
        let named = properties.iter().filter_map(|(key, value)| Some((key, key.strip_prefix(COLUMN)?, value)));
        let columns = named.filter_map(|(key, column, value)| Some((column.to_owned(), mode(key, value)?)));
        Ok(Self { default, columns: columns.collect(), inferred_columns: inferred_columns(properties)? })
    }

    /// Bytes that the bounds in a Parquet footer need to have so that these modes can be followed; `None`: as they are.
    #[must_use]
    pub fn footer_bound_bytes(&self) -> Option<usize> {
        let lengths = self.columns.values().chain(&self.default).filter_map(|mode| mode.bound_length());
        match lengths.max().unwrap_or(BOUND_LENGTH).max(BOUND_LENGTH) {
            usize::MAX => None,
            // A code point has up to four bytes.
            length => Some(length.saturating_mul(4)),
        }
    }

    /// The mode of each column that holds values, with its type, by field id. What is inside lists and maps is counted
    /// in another way and has no bounds, whatever is asked for.
    pub(crate) fn of_leaves(&self, schema: &Schema) -> BTreeMap<i32, (PrimitiveType, MetricsMode)> {
        let mut leaves = Vec::new();
        collect_leaves(schema.as_struct(), &mut leaves);
        let inferred = |place: usize| match self.default {
            Some(default) => default,
            None if place < self.inferred_columns => MetricsMode::Truncate(BOUND_LENGTH),
            None => MetricsMode::Counts,
        };
        let mode = |place: usize, id: i32| {
            let named = schema.name_by_field_id(id).and_then(|name| self.columns.get(name));
            named.copied().unwrap_or_else(|| inferred(place))
        };
        leaves.into_iter().enumerate().map(|(place, (id, kind))| (id, (kind, mode(place, id)))).collect()
    }
}

fn inferred_columns(properties: &BTreeMap<String, String>) -> Result<usize, PropertyError> {
    match properties.get(INFERRED) {
        Some(value) => value.parse().map_err(|_| refused(INFERRED, value, "a whole number")),
        None => Ok(INFERRED_COLUMNS),
    }
}

fn collect_leaves(fields: &StructType, leaves: &mut Vec<(i32, PrimitiveType)>) {
    for field in fields.fields() {
        match field.field_type.as_ref() {
            Type::Primitive(kind) => leaves.push((field.id, kind.clone())),
            Type::Struct(inner) => collect_leaves(inner, leaves),
            Type::List(_) | Type::Map(_) => {}
        }
    }
}
