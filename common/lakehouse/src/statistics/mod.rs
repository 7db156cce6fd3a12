//! Column statistics of a data file: read from its Parquet footer by the worker, carried as opaque bytes through
//! submission and the replicated log, and put into the Iceberg manifest at commit.
//!
//! **A bound must cover every value of the file**, or readers skip rows that are there. Parquet truncates long minima and
//! maxima and marks them inexact; those are still bounds and are used. A row group that says nothing about a column makes
//! the whole file's bound of that column unknown (the `iceberg` crate's own writer gets both wrong). Where readers
//! disagree about the order of a type (UUIDs), there are no bounds.

mod bounds;
mod collect;
mod data_file;
mod encoding;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

/// Statistics of one data file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileStatistics {
    /// By field id.
    pub columns: BTreeMap<i32, ColumnStatistics>,
    /// Offset of each row group in the file, ascending.
    pub split_offsets: Vec<i64>,
}

/// Statistics of one leaf column. Bounds are in Iceberg's single-value form (spec, appendix D).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnStatistics {
    /// Compressed bytes in the file.
    pub bytes: u64,
    /// Values, nulls and NaNs included; unknown inside lists and maps.
    pub values: Option<u64>,
    /// Nulls.
    pub nulls: Option<u64>,
    /// NaNs.
    pub nans: Option<u64>,
    /// Not above any value that is neither null nor NaN.
    pub lower: Option<Vec<u8>>,
    /// Not below any value that is neither null nor NaN.
    pub upper: Option<Vec<u8>>,
}

/// Statistics that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// Not the encoding of this crate.
    #[error("the encoding is damaged")]
    Damaged {
        /// The decoder's word on it.
        source: prost::DecodeError,
    },
    /// Written by a later version.
    #[error("the encoding has version {found}, and this version reads 1")]
    Version {
        /// The version found.
        found: u32,
    },
    /// A bound does not fit its column.
    #[error("the bound of field {field} does not fit its type")]
    Bound {
        /// The field id.
        field: i32,
        /// The iceberg crate's word on it.
        source: iceberg::Error,
    },
    /// The data file's description is incomplete.
    #[error("the data file cannot be described: {reason}")]
    Incomplete {
        /// What is missing.
        reason: String,
    },
}
