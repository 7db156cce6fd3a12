//! The bytes in which statistics travel and are kept: a protobuf message with a version of its own.
//!
//! Numbers of fields are never used anew; a change that an older reader would misunderstand takes the next version.

use prost::Message;

use super::{ColumnStatistics, FileStatistics, StatisticsError};

const VERSION: u32 = 1;

#[derive(Clone, PartialEq, Message)]
struct Encoded {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(message, repeated, tag = "2")]
    columns: Vec<EncodedColumn>,
    #[prost(int64, repeated, tag = "3")]
    split_offsets: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct EncodedColumn {
    #[prost(int32, tag = "1")]
    field: i32,
    #[prost(uint64, tag = "2")]
    bytes: u64,
    #[prost(uint64, optional, tag = "3")]
    values: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    nulls: Option<u64>,
    #[prost(uint64, optional, tag = "5")]
    nans: Option<u64>,
    #[prost(bytes = "vec", optional, tag = "6")]
    lower: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "7")]
    upper: Option<Vec<u8>>,
}

impl FileStatistics {
    /// The bytes for `ManifestFile::statistics`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let column = |(field, column): (&i32, &ColumnStatistics)| {
            let ColumnStatistics { bytes, values, nulls, nans, lower, upper } = column.clone();
            EncodedColumn { field: *field, bytes, values, nulls, nans, lower, upper }
        };
        let columns = self.columns.iter().map(column).collect();
        Encoded { version: VERSION, columns, split_offsets: self.split_offsets.clone() }.encode_to_vec()
    }

    /// Reads what [`Self::encode`] made. No bytes are no statistics, which is legal.
    ///
    /// # Errors
    /// [`StatisticsError::Damaged`] or [`StatisticsError::Version`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StatisticsError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let encoded = Encoded::decode(bytes).map_err(|source| StatisticsError::Damaged { source })?;
        if encoded.version != VERSION {
            return Err(StatisticsError::Version { found: encoded.version });
        }
        let column = |column: EncodedColumn| {
            let EncodedColumn { field, bytes, values, nulls, nans, lower, upper } = column;
            (field, ColumnStatistics { bytes, values, nulls, nans, lower, upper })
        };
        let columns = encoded.columns.into_iter().map(column).collect();
        Ok(Self { columns, split_offsets: encoded.split_offsets })
    }
}
