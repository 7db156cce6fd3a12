//! How the memory budget of a process is divided among what its tables hold rows in.

use crate::parquet::WriterOptions;

const MIB: u64 = 1 << 20;
/// The least that a reader, and a table's queue or encoder, can work with.
const READER: u64 = 8 * MIB;
const TABLE: u64 = 2 * MIB;
/// A row group larger than this gains its readers nothing.
const ROW_GROUP: usize = 64 << 20;

/// The shares, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// What one Kafka consumer may have fetched that was not polled.
    pub receive: u64,
    /// Records of one table that wait for its writer.
    pub queue: usize,
    /// What one table's decoder and encoder hold.
    pub encoder: usize,
    /// Uploads, of all tables together.
    pub uploads: u64,
}

/// There is too little for so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "buffer.max_size_mb = {} is too little for {tables} tables that are read by {readers} Kafka consumers: they need \
     {} at least",
    budget / MIB,
    least / MIB
)]
pub struct TooLittleMemory {
    budget: u64,
    least: u64,
    readers: u64,
    tables: u64,
}

impl Shares {
    /// A quarter for what was fetched and not polled, a quarter for records that wait for a writer, a quarter for
    /// decoders and encoders, a quarter for uploads; each divided among those who need it.
    ///
    /// # Errors
    /// [`TooLittleMemory`] says how much they need.
    pub fn of(budget: u64, readers: usize, tables: usize) -> Result<Self, TooLittleMemory> {
        let (readers, tables) = (readers.max(1) as u64, tables.max(1) as u64);
        let least = 4 * (readers * READER).max(tables * TABLE);
        if budget < least {
            return Err(TooLittleMemory { budget, least, readers, tables });
        }
        let quarter = budget / 4;
        let table = usize::try_from(quarter / tables).unwrap_or(usize::MAX);
        Ok(Self { receive: quarter / readers, queue: table, encoder: table, uploads: quarter })
    }

    /// How files are written within an encoder's share.
    #[must_use]
    pub fn files(&self) -> WriterOptions {
        WriterOptions { row_group_bytes: self.encoder.min(ROW_GROUP), ..WriterOptions::default() }
    }
}

#[cfg(test)]
mod tests;
