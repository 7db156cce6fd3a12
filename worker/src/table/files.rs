//! How one table's files are written: the process's own settings and bounds, and the table's properties.
//!
//! What the configuration says of a table goes before what the table says of itself, as an engine's write options do; the
//! share of memory bounds both.

use k2i_lakehouse::properties::{MetricsModes, WriteProperties};

use super::settings::TableSettings;
use crate::parquet::WriterOptions;

/// Size of a file where neither the configuration nor the table says one: Iceberg's own default.
pub const FILE_BYTES: u64 = 512 << 20;

/// What the files of one generation are like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) options: WriterOptions,
    /// A file of this size ends its cut.
    pub(crate) file_bytes: u64,
    /// Names begin with a hash.
    pub(crate) hashed_names: bool,
    pub(crate) metrics: MetricsModes,
}

impl Files {
    /// For a table whose properties can be followed.
    pub(crate) fn of(settings: &TableSettings, wishes: &WriteProperties) -> Self {
        Self::decide(&settings.files, settings.limits.file_bytes, wishes)
    }

    fn decide(own: &WriterOptions, file_bytes: Option<u64>, wishes: &WriteProperties) -> Self {
        let options = WriterOptions {
            codec: wishes.codec.unwrap_or(own.codec),
            // The row group is held in memory until it ends: the share of it is the most.
            row_group_bytes: wishes.row_group_bytes.map_or(own.row_group_bytes, |bytes| bytes.min(own.row_group_bytes)),
            page_bytes: wishes.page_bytes.unwrap_or(own.page_bytes),
            page_rows: wishes.page_rows.unwrap_or(own.page_rows),
            dictionary_bytes: wishes.dictionary_bytes.unwrap_or(own.dictionary_bytes),
            bound_bytes: wishes.metrics.footer_bound_bytes(),
            ..own.clone()
        };
        Self {
            options,
            file_bytes: file_bytes.or(wishes.file_bytes).unwrap_or(FILE_BYTES),
            hashed_names: wishes.hashed_names,
            metrics: wishes.metrics.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
