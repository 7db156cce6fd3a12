//! The committed snapshot for readers: which data files it holds now, and where its metadata is.
//!
//! Nothing is read of the files themselves; an engine does that. A snapshot with delete files is refused: whoever reads
//! its data files alone would see rows that are deleted.

use std::collections::BTreeMap;

use iceberg::TableIdent;
use iceberg::spec::{DataContentType, TableMetadata};
use iceberg::table::Table;
use k2i_domain::ids::SnapshotId;

use super::{Lakehouse, metadata_error};
use crate::error::LakehouseError;

/// One data file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveFile {
    /// Its location, for example `file:///warehouse/shop/orders/data/....parquet`.
    pub location: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
}

/// A table at its head, all from one load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSnapshot {
    /// The head; `None` for a table without a snapshot, which has no files either.
    pub snapshot: Option<SnapshotId>,
    /// Where the metadata is stored; some REST servers do not say.
    pub metadata_location: Option<String>,
    /// All table properties, the watermark among them.
    pub properties: BTreeMap<String, String>,
    /// The data files, in order of location.
    pub files: Vec<LiveFile>,
}

impl LiveSnapshot {
    /// Rows of all files together.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

impl Lakehouse {
    /// Loads the table afresh and lists the data files of its head; `None` when there is no such table.
    ///
    /// # Errors
    /// When the catalog could not be asked or the metadata cannot be read, and [`LakehouseError::DeleteFiles`].
    pub async fn live_files(&self, table: &TableIdent) -> Result<Option<LiveSnapshot>, LakehouseError> {
        let Some(loaded) = self.backend.load(table).await? else { return Ok(None) };
        let table = self.iceberg_table(&loaded)?;
        Ok(Some(LiveSnapshot {
            snapshot: loaded.metadata.current_snapshot_id().map(SnapshotId),
            properties: properties(&loaded.metadata),
            files: files(&table).await?,
            metadata_location: loaded.metadata_location,
        }))
    }
}

fn properties(metadata: &TableMetadata) -> BTreeMap<String, String> {
    metadata.properties().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

async fn files(table: &Table) -> Result<Vec<LiveFile>, LakehouseError> {
    let Some(head) = table.metadata().current_snapshot() else { return Ok(Vec::new()) };
    let failed = |source| metadata_error(table.identifier(), "read", source);
    let list = table.manifest_list_reader(head).load().await.map_err(failed)?;
    let mut files = Vec::new();
    for entry in list.entries() {
        let manifest = entry.load_manifest(table.file_io()).await.map_err(failed)?;
        for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
            if entry.content_type() != DataContentType::Data {
                return Err(LakehouseError::DeleteFiles {
                    table: table.identifier().to_string(),
                    location: entry.file_path().to_owned(),
                });
            }
            files.push(LiveFile {
                location: entry.file_path().to_owned(),
                bytes: entry.file_size_in_bytes(),
                rows: entry.record_count(),
            });
        }
    }
    files.sort_by(|one, other| one.location.cmp(&other.location));
    Ok(files)
}
