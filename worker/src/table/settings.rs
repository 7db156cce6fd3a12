//! What one table's pipeline is told by the configuration.

use std::path::PathBuf;

use k2i_lakehouse::{Connection, TableIdent};

use crate::decode::{DecodeOptions, MetadataColumns};
use crate::kafka::ConnectionSettings;
use crate::parquet::WriterOptions;

/// When a cut ends before its tick, and what a writer may hold.
#[derive(Debug, Clone)]
pub struct WriterLimits {
    /// Bytes of a file at which the cut ends; `None`: as the table says, else 512 MiB.
    pub file_bytes: Option<u64>,
    /// Rows at which the cut ends.
    pub records: u64,
    /// Bytes of records that wait for the writer.
    pub queue_bytes: usize,
    /// Bytes that the encoder may hold; at that the row group ends.
    pub encoder_bytes: usize,
}

/// One table of the configuration, as the worker sees it.
#[derive(Debug, Clone)]
pub struct TableSettings {
    /// The key under which the coordinator knows the table.
    pub name: String,
    /// Its name in the catalog.
    pub ident: TableIdent,
    /// Catalog and store.
    pub connection: Connection,
    /// The Kafka cluster.
    pub kafka: ConnectionSettings,
    /// The topics that feed it.
    pub topics: Vec<String>,
    /// The columns filled from the record itself.
    pub metadata_columns: MetadataColumns,
    /// How records become rows.
    pub decode: DecodeOptions,
    /// Iceberg schema as JSON to create the table with; `None`: inferred from a sample.
    pub schema: Option<String>,
    /// How files are written where the table does not say; its row groups are the largest that there may be.
    pub files: WriterOptions,
    /// Bounds.
    pub limits: WriterLimits,
    /// Folder for its files on their way.
    pub spool: PathBuf,
}
