//! How columns are encoded: rules by type, and what the table asks for.
//!
//! Integers, dates, times and timestamps are packed as deltas (offsets and timestamps almost vanish, and nothing is
//! hashed); fixed-width binaries stand as they are (they are ids); everything else tries a dictionary, which a column
//! chunk gives up by itself once it has grown past [`WriterOptions::dictionary_bytes`]. Page headers stay at version 1,
//! which every reader knows.
//!
//! Bounds in the statistics may be cut; a cut lower bound is smaller and a cut upper bound is larger than the value it
//! stands for (or is not cut), so that they still hold.

use k2i_lakehouse::properties::Codec;
use parquet::basic::{Compression, Encoding, GzipLevel, Type as PhysicalType, ZstdLevel};
use parquet::file::properties::{DEFAULT_PAGE_SIZE, EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

/// A dictionary of short strings that stops paying has cost little by then.
const DICTIONARY_BYTES: usize = 256 * 1024;

/// Length of a bound in bytes. Iceberg's own 16 characters fit it in any script.
const BOUND_BYTES: usize = 64;

/// Rows of a page, as Iceberg's own writer has it.
const PAGE_ROWS: usize = 20_000;

/// Rows that the encoder takes at a time.
const WRITE_BATCH_ROWS: usize = 1024;

/// What the encoder reserves for each integer column of an open row group, whatever it then fills of it. A test holds
/// this against the parquet crate.
pub(super) const DELTA_RESERVE: usize = 1024 * 1024;

/// How integers are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IntegerEncoding {
    /// `DELTA_BINARY_PACKED`. Iceberg's reader for Spark knows it from Iceberg 1.10 on (apache/iceberg#13391); older
    /// ones refuse such a column unless `read.parquet.vectorization.enabled` is off.
    Delta,
    /// `PLAIN`, which every reader knows; about a byte more a row and column. The default: a table is to be read by
    /// whatever its users have.
    #[default]
    Plain,
}

/// How files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterOptions {
    /// How pages are compressed.
    pub codec: Codec,
    /// How integers are encoded.
    pub integers: IntegerEncoding,
    /// A row group ends when its encoded size reaches this many bytes, at least 1.
    pub row_group_bytes: usize,
    /// A row group ends at this many rows, at least 1.
    pub row_group_rows: usize,
    /// A page ends at about this many bytes before compression, at least 1.
    pub page_bytes: usize,
    /// A page ends at this many rows, at least 1.
    pub page_rows: usize,
    /// A dictionary is given up at this many bytes, at least 1.
    pub dictionary_bytes: usize,
    /// Bounds in the footer are cut to this many bytes, at least 1; `None`: they stand as they are.
    pub bound_bytes: Option<usize>,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            codec: Codec::ZSTD,
            integers: IntegerEncoding::default(),
            row_group_bytes: 64 * 1024 * 1024,
            row_group_rows: 1024 * 1024,
            page_bytes: DEFAULT_PAGE_SIZE,
            page_rows: PAGE_ROWS,
            dictionary_bytes: DICTIONARY_BYTES,
            bound_bytes: Some(BOUND_BYTES),
        }
    }
}

impl WriterOptions {
    /// The properties for a file of this schema; levels and limits out of bounds are brought to the nearest one inside.
    pub(super) fn properties(&self, schema: &SchemaDescriptor) -> WriterProperties {
        let mut builder = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_created_by(concat!("k2i version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(compression(self.codec))
            .set_max_row_group_bytes(Some(self.row_group_bytes.max(1)))
            .set_max_row_group_row_count(Some(self.row_group_rows.max(1)))
            .set_dictionary_page_size_limit(self.dictionary_bytes.max(1))
            .set_data_page_size_limit(self.page_bytes.max(1))
            .set_data_page_row_count_limit(self.page_rows.max(1))
            // Limits are looked at after so many rows.
            .set_write_batch_size(self.page_rows.clamp(1, WRITE_BATCH_ROWS))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_statistics_truncate_length(self.bound_bytes.map(|bytes| bytes.max(1)))
            .set_column_index_truncate_length(Some(BOUND_BYTES));
        for column in schema.columns() {
            match column.physical_type() {
                PhysicalType::INT32 | PhysicalType::INT64 => {
                    let encoding = match self.integers {
                        IntegerEncoding::Delta => Encoding::DELTA_BINARY_PACKED,
                        IntegerEncoding::Plain => Encoding::PLAIN,
                    };
                    builder = builder
                        .set_column_dictionary_enabled(column.path().clone(), false)
                        .set_column_encoding(column.path().clone(), encoding);
                }
                PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                    builder = builder
                        .set_column_dictionary_enabled(column.path().clone(), false)
                        .set_column_encoding(column.path().clone(), Encoding::PLAIN);
                }
                _ => builder = builder.set_column_dictionary_enabled(column.path().clone(), true),
            }
        }
        builder.build()
    }

    /// The width in bytes of each column for which the encoder reserves [`DELTA_RESERVE`] without need: those that
    /// have one integer a row.
    pub(super) fn reserving_columns(&self, schema: &SchemaDescriptor) -> Vec<usize> {
        if self.integers != IntegerEncoding::Delta {
            return Vec::new();
        }
        let width = |column: &ColumnDescriptor| match column.physical_type() {
            PhysicalType::INT32 => Some(4),
            PhysicalType::INT64 => Some(8),
            _ => None,
        };
        let single = schema.columns().iter().filter(|column| column.max_rep_level() == 0);
        single.filter_map(|column| width(column)).collect()
    }
}

/// The codec as the parquet crate has it; a level out of bounds is brought to the nearest one inside.
fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::Zstd(level) => {
            Compression::ZSTD(ZstdLevel::try_new(level.clamp(1, 22)).expect("zstd has levels 1 to 22"))
        }
        Codec::Gzip(level) => Compression::GZIP(GzipLevel::try_new(level.min(9)).expect("gzip has levels 0 to 9")),
        Codec::Snappy => Compression::SNAPPY,
        Codec::Lz4 => Compression::LZ4_RAW,
        Codec::Uncompressed => Compression::UNCOMPRESSED,
    }
}
