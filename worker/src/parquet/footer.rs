//! What a file's footer says about where it comes from (protocol details, "What the table carries").

use std::collections::BTreeMap;

use k2i_domain::ids::{ChainKey, Incarnation, Instance, Sequence, SessionId};
use k2i_domain::range::Offset;
use parquet::file::metadata::KeyValue;
use serde_json::json;

/// Footer key: `[instance, incarnation, session, sequence, file]`.
pub const MANIFEST_KEY: &str = "k2i.manifest";

/// Footer key: `[[stream, topic partition, first, last, rows], ...]` in chain order.
pub const OFFSETS_KEY: &str = "k2i.offsets";

/// The manifest that a file belongs to, and its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// The cluster's instance.
    pub instance: Instance,
    /// The table's incarnation.
    pub incarnation: Incarnation,
    /// The session that read the rows.
    pub session: SessionId,
    /// The manifest's number.
    pub sequence: Sequence,
    /// The file's number within the manifest, from 0.
    pub file: u32,
}

impl FileIdentity {
    /// The footer entry.
    pub(super) fn entry(&self) -> KeyValue {
        let value = json!([
            self.instance.to_string(),
            self.incarnation.0,
            self.session.to_string(),
            self.sequence.0,
            self.file,
        ]);
        KeyValue::new(MANIFEST_KEY.to_owned(), value.to_string())
    }
}

/// The offsets of a file's rows in one chain. A bound on them, not a range: other rows between them may be in other files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOffsets {
    /// Lowest offset of a row.
    pub first: Offset,
    /// Highest offset of a row.
    pub last: Offset,
    /// Rows.
    pub rows: u64,
}

impl FileOffsets {
    /// Both together.
    pub(super) fn join(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last), rows: self.rows + other.rows }
    }
}

/// The footer entry of all chains.
pub(super) fn offsets_entry(offsets: &BTreeMap<ChainKey, FileOffsets>) -> KeyValue {
    let entries: Vec<_> = offsets
        .iter()
        .map(|(chain, part)| json!([chain.stream.0, chain.partition.0, part.first.0, part.last.0, part.rows]))
        .collect();
    KeyValue::new(OFFSETS_KEY.to_owned(), json!(entries).to_string())
}
