//! The table as the demo sees it, from the catalog and never from `k2i ingest`: its watermark, and its committed files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use k2i_domain::ids::ChainKey;
use k2i_domain::property::Property;
use k2i_domain::range::Offset;
use k2i_lakehouse::{Connection, LiveSnapshot, TableIdent};

use super::config::CLUSTER;

/// Committed end of every chain.
pub(super) type Watermark = BTreeMap<ChainKey, Offset>;

/// The table, by its name in the catalog.
#[derive(Debug, Clone)]
pub(super) struct Table {
    connection: Connection,
    ident: TableIdent,
    catalog: std::path::PathBuf,
}

impl Table {
    pub(super) fn new(connection: Connection, ident: TableIdent, catalog: &Path) -> Self {
        Self { connection, ident, catalog: catalog.to_owned() }
    }

    /// The watermark in the table's own properties; empty while there is no table.
    ///
    /// # Errors
    /// The catalog or the metadata cannot be read.
    pub(super) async fn watermark(&self) -> Result<Watermark> {
        // To ask a catalog is to make its file, which is for `k2i ingest` to do.
        if !self.catalog.exists() {
            return Ok(Watermark::new());
        }
        let lakehouse = self.connection.get().await?;
        let Some(table) = lakehouse.open_table(&self.ident).await? else { return Ok(Watermark::new()) };
        let property = Property::parse(CLUSTER, &table.properties)?;
        let marks = property.map(|property| property.watermark).unwrap_or_default();
        Ok(marks.into_iter().map(|(chain, mark)| (chain, mark.offset)).collect())
    }

    /// The committed snapshot.
    ///
    /// # Errors
    /// The catalog or the metadata cannot be read, there is no table, or it has delete files.
    pub(super) async fn snapshot(&self) -> Result<LiveSnapshot> {
        let lakehouse = self.connection.get().await?;
        lakehouse.live_files(&self.ident).await?.with_context(|| format!("the catalog has no table {}", self.ident))
    }
}

/// Records below a watermark. The topic starts at offset 0 and every record of it becomes a row.
pub(super) fn rows_below(watermark: &Watermark) -> u64 {
    watermark.values().filter_map(|offset| u64::try_from(offset.0).ok()).sum()
}
