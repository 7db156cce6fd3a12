//! Batches become one Parquet file on local disk: encoded row group by row group while they arrive, hashed while they are
//! written, and durable when [`FileWriter::seal`] returns.
//!
//! A file names its manifest and the offsets of its own rows in its footer ([`FileIdentity`], [`FileOffsets`]), so that
//! it can be told what it is without any log. Everything here blocks: call it from a thread that may.

mod error;
mod footer;
mod nan;
mod properties;
mod schema;
mod sink;
mod writer;

#[cfg(test)]
mod tests;

pub use error::WriteError;
pub use footer::{FileIdentity, FileOffsets, MANIFEST_KEY, OFFSETS_KEY};
pub use k2i_lakehouse::properties::Codec;
pub use properties::{IntegerEncoding, WriterOptions};
pub use schema::{EXTENSION_KEY, UUID_EXTENSION};
pub use writer::{FileWriter, Sealed};
