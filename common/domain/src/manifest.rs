//! What a worker submits: a cut's ranges and its files.
//!
//! The ranges belong to the manifest and never to a file: with several files a file alone says nothing about which rows
//! are complete.

use crate::ids::{ChainKey, Epoch, Incarnation, SchemaId, Sequence, SessionId, SpecId, TableId, Timestamp};
use crate::range::{LeaderEpoch, Range};

/// One chain's part of a cut.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ManifestRange {
    /// The chain that it extends.
    pub chain: ChainKey,
    /// The epoch under which the worker read it.
    pub epoch: Epoch,
    /// The positions consumed.
    pub range: Range,
    /// Rows that these positions gave; 0 makes the range *rowless*.
    pub rows: u64,
    /// Newest record timestamp in milliseconds; `None` for a rowless range.
    pub newest: Option<Timestamp>,
    /// Kafka leader epoch of the record directly before the range's end; unknown where that position holds no record
    /// (a transaction marker may be of a later epoch, and would make a good log look truncated).
    pub leader_epoch: LeaderEpoch,
}

/// One data file of a cut, as it stands in the object store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ManifestFile {
    /// Full object location, for example `s3://bucket/warehouse/ns/table/data/....parquet`. Never written twice.
    pub location: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows in the file.
    pub rows: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// The schema it was written with.
    pub schema: SchemaId,
    /// The partition spec it was written with.
    pub spec: SpecId,
    /// Column statistics in the encoding of `k2i-lakehouse` (opaque here).
    pub statistics: Vec<u8>,
}

/// A manifest: one cut of one table, accepted whole or not at all. Its identity is (session, table, sequence).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manifest {
    /// The table.
    pub table: TableId,
    /// The incarnation under which it was read.
    pub incarnation: Incarnation,
    /// The session that read it.
    pub session: SessionId,
    /// Its number within (session, table).
    pub sequence: Sequence,
    /// One entry per chain, in chain order, none twice.
    pub ranges: Vec<ManifestRange>,
    /// The files; empty when every range is rowless.
    pub files: Vec<ManifestFile>,
}

impl Manifest {
    /// Rows of all ranges together.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.ranges.iter().map(|range| range.rows).sum()
    }
}
