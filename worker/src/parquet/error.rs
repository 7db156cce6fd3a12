//! What can go wrong with a file. After any of these but [`WriteError::Schema`] and [`WriteError::Empty`] the file is of
//! no use: its rows are read again from Kafka.

use std::path::PathBuf;

use parquet::errors::ParquetError;

/// A file that cannot be written or sealed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The operating system refused.
    #[error("cannot {action} the file {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// The Parquet encoder refused, or the disk beneath it.
    #[error("cannot encode rows into the file {}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: ParquetError,
    },
    /// The batch is of another schema than the file; the file is as it was.
    #[error("a batch for the file {} has another schema than the file", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
    },
    /// An earlier write failed.
    #[error("the file {} is given up since an earlier write failed", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
    },
    /// There are no rows: such a file is never sealed, since no manifest may name it.
    #[error("the file {} has no rows and is not sealed", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The offsets noted are those of another number of rows.
    #[error("the file {} has {rows} rows, but its offsets were noted for {noted}", path.display())]
    Offsets {
        /// The file.
        path: PathBuf,
        /// Rows written.
        rows: u64,
        /// Rows that the offsets name.
        noted: u64,
    },
}
