//! Bounds of one column over all row groups of a file.

use iceberg::spec::PrimitiveType;
use parquet::file::metadata::ColumnChunkMetaData;

use super::value::Value;

/// What is known of a bound so far.
#[derive(Debug, Clone, Default)]
enum Bound {
    /// No row group had a value yet.
    #[default]
    Empty,
    /// This covers them all.
    Known(Value),
    /// One row group had values and no bound for them.
    Unknown,
}

impl Bound {
    fn fold(&mut self, found: Option<Value>, beyond: impl Fn(&Value, &Value) -> bool) {
        *self = match (std::mem::take(self), found) {
            (Self::Unknown, _) | (_, None) => Self::Unknown,
            (Self::Known(known), Some(found)) if !beyond(&found, &known) => Self::Known(known),
            (_, Some(found)) => Self::Known(found),
        };
    }

    fn known(&self) -> Option<&Value> {
        match self {
            Self::Known(value) => Some(value),
            Self::Empty | Self::Unknown => None,
        }
    }
}

/// Both bounds of one column.
#[derive(Debug)]
pub(super) struct Bounds {
    kind: PrimitiveType,
    /// Longest bound, in code points of a string or bytes of a binary.
    length: usize,
    lower: Bound,
    upper: Bound,
}

impl Bounds {
    pub(super) fn new(kind: PrimitiveType, length: usize) -> Self {
        Self { kind, length, lower: Bound::Empty, upper: Bound::Empty }
    }

    /// Takes in one row group's part of the column.
    pub(super) fn add(&mut self, chunk: &ColumnChunkMetaData) {
        let statistics = chunk.statistics();
        let nulls = statistics.and_then(|statistics| statistics.null_count_opt());
        if nulls == Some(chunk.num_values() as u64) {
            return;
        }
        let minimum = statistics.and_then(|statistics| Value::minimum(&self.kind, statistics));
        let maximum = statistics.and_then(|statistics| Value::maximum(&self.kind, statistics));
        self.lower.fold(minimum, |found, known| found.less(known));
        self.upper.fold(maximum, |found, known| known.less(found));
    }

    pub(super) fn lower(&self) -> Option<Vec<u8>> {
        self.lower.known().map(|value| value.lower_bound(&self.kind, self.length))
    }

    pub(super) fn upper(&self) -> Option<Vec<u8>> {
        self.upper.known().and_then(|value| value.upper_bound(&self.kind, self.length))
    }
}
