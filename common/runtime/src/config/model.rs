//! The validated configuration: what the rest of K2I works with. Every value here has been checked; paths are absolute
//! and secrets are resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::choice::{AccessDelegation, LogFormat, LogLevel, OnNullValue, OnUnknownField, RecordFormat, Start};
use super::column::Column;
use super::secret::Secret;
use crate::http::Listen;

/// One process's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name under which tables carry this cluster's watermark; not yet encoded for a property key.
    pub cluster_name: String,
    /// Absolute path of the data folder.
    pub data_dir: PathBuf,
    /// Memory budget of the whole process in bytes (`buffer.max_size_mb`).
    pub memory_bytes: u64,
    /// The tables, at least one, no two with the same key, in the order of the file.
    pub tables: Vec<TableConfig>,
    /// Health and metrics listeners.
    pub http: HttpConfig,
    /// Logging.
    pub log: LogConfig,
    /// What is allowed but should be known, to be logged once at the start.
    pub warnings: Vec<String>,
}

/// One table, with everything that its entry inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableConfig {
    /// `database.table`, unique in the configuration.
    pub key: String,
    /// The brokers. Equal values mean that one consumer serves both tables.
    pub kafka: KafkaConfig,
    /// The topics that feed the table, at least one, none twice, in the order of the file.
    pub topics: Vec<String>,
    /// When it is flushed.
    pub buffer: BufferConfig,
    /// Catalog, table and decoding.
    pub iceberg: IcebergConfig,
    /// The object store.
    pub storage: StorageConfig,
}

/// How to reach the brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `host:port` each, at least one.
    pub bootstrap_servers: Vec<String>,
    /// Consumer group that committed offsets are published to.
    pub group_id: String,
    /// Where to begin in a topic without a watermark.
    pub start: Start,
    /// librdkafka's settings, by its names: those that the keys for protocol, login and certificates stand for, and the
    /// further ones. None of those that K2I sets itself; paths of keys are absolute.
    pub properties: BTreeMap<String, Secret>,
}

/// When a table is flushed: whichever comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BufferConfig {
    /// Longest time between two commits of new rows.
    pub flush_interval: Duration,
    /// Rows after which it is flushed early.
    pub flush_max_records: Option<u64>,
    /// Target size of a data file in bytes; a file that reaches it flushes the table early. `None`: as the table says.
    pub flush_max_bytes: Option<u64>,
}

/// Catalog, table and decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcebergConfig {
    /// The catalog.
    pub catalog: CatalogConfig,
    /// The namespace's levels, at least one.
    pub namespace: Vec<String>,
    /// The table's name.
    pub table: String,
    /// Requests that the catalog gets in a second at most, of all its tables together; at least 1.
    pub max_requests_per_second: u64,
    /// What rows say of the record that they were.
    pub metadata_columns: MetadataColumns,
    /// Schema of a table to be created; `None`: inferred from a sample.
    pub columns: Option<Vec<Column>>,
    /// How record values are encoded.
    pub format: RecordFormat,
    /// What becomes of a field that the table lacks.
    pub on_unknown_field: OnUnknownField,
    /// What becomes of a record without a value.
    pub on_null_value: OnNullValue,
}

/// The columns that are filled from the Kafka record itself, by name; `None`: the table has no such column. No two names
/// are equal, and none is that of a configured column, whatever the case of their letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataColumns {
    /// Topic partition.
    pub partition: Option<String>,
    /// Offset.
    pub offset: Option<String>,
    /// Timestamp of the record.
    pub timestamp: Option<String>,
    /// Topic.
    pub topic: Option<String>,
    /// Key.
    pub key: Option<String>,
    /// Headers.
    pub headers: Option<String>,
}

/// Which catalog, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogConfig {
    /// The Iceberg REST protocol.
    Rest(RestCatalogConfig),
    /// A SQL database.
    Sql(SqlCatalogConfig),
}

/// A REST catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestCatalogConfig {
    /// `http` or `https` address without `/v1` and without a final slash.
    pub uri: String,
    /// The warehouse as the catalog knows it: a location or a name.
    pub warehouse: Option<String>,
    /// How to log in.
    pub auth: RestAuth,
    /// Whether it is asked for keys to a table's files.
    pub access_delegation: AccessDelegation,
}

/// How to log in at a REST catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestAuth {
    /// Not at all.
    None,
    /// A bearer token that does not change.
    Token(Secret),
    /// OAuth2 client credentials.
    ClientCredentials {
        /// `client-id:client-secret`, or the secret alone.
        credential: Secret,
        /// Where they are exchanged; `None`: `<uri>/v1/oauth/tokens`.
        server_uri: Option<String>,
        /// Scope asked for; `None`: `catalog`.
        scope: Option<String>,
    },
}

/// A SQL catalog on SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlCatalogConfig {
    /// Absolute path of the database file.
    pub database: PathBuf,
    /// The catalog's name in the database, 1 to 255 bytes.
    pub name: String,
    /// Location under which namespaces and tables are made (`file:///...` or `s3://...`), without a final slash.
    pub warehouse: String,
}

/// The object store of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageConfig {
    /// S3 or a store that speaks its protocol.
    S3(S3Config),
    /// Folders of this machine, by `file://` locations.
    Local,
}

/// How to reach S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Config {
    /// The warehouse's bucket, where it is known beforehand.
    pub bucket: Option<String>,
    /// Region; `None`: what the catalog or a profile says, else `us-east-1`.
    pub region: Option<String>,
    /// Address of the store, without a final slash; `None`: what the catalog says, else Amazon's.
    pub endpoint: Option<String>,
    /// Bucket in the path rather than in the host name; `None`: where there is an address of the store.
    pub path_style: Option<bool>,
    /// Section of the shared credentials files.
    pub profile: Option<String>,
    /// Fixed keys; `None`: the profile, what the catalog lends, the AWS environment or instance role.
    pub access_key: Option<S3AccessKey>,
}

/// A pair of S3 keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3AccessKey {
    /// Access key id.
    pub id: Secret,
    /// Secret access key.
    pub secret: Secret,
}

/// Health and metrics listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where `/health`, `/healthz` and `/readyz` are served.
    pub health: Listen,
    /// Where `/metrics` is served.
    pub metrics: Listen,
}

/// Logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogConfig {
    /// Least severe level.
    pub level: LogLevel,
    /// Form of the lines.
    pub format: LogFormat,
}
