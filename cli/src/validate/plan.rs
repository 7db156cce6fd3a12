//! Which systems a configuration leads to, each once, however many tables share it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use k2i_lakehouse::Connection;
use k2i_lakehouse::storage::{Store, UploadMemory};
use k2i_runtime::config::{CatalogConfig, Column, Config, StorageConfig};
use k2i_runtime::http::Listen;
use k2i_worker::kafka::ConnectionSettings;
use k2i_worker::table::{FILE_BYTES, TableSettings};

use crate::bindings;

/// The region of a bucket where nothing says another.
const DEFAULT_REGION: &str = "us-east-1";

/// Everything that is to be reached.
pub(super) struct Plan {
    pub(super) machine: MachinePlan,
    pub(super) kafkas: Vec<KafkaPlan>,
    pub(super) lakes: Vec<LakePlan>,
}

/// What is needed of this machine.
#[derive(Debug, Clone)]
pub(super) struct MachinePlan {
    pub(super) data_dir: PathBuf,
    pub(super) memory_bytes: u64,
    /// What the spool may hold when all tables are busy.
    pub(super) spool_bytes: u64,
    pub(super) tables: usize,
    pub(super) listeners: [Listen; 2],
}

/// One Kafka cluster under one login.
#[derive(Debug, Clone)]
pub(super) struct KafkaPlan {
    pub(super) settings: ConnectionSettings,
    pub(super) topics: BTreeSet<String>,
}

/// One catalog under one login, with one store.
pub(super) struct LakePlan {
    /// The catalog's address, for the report.
    pub(super) catalog: String,
    /// The database file of a SQL catalog.
    pub(super) database: Option<PathBuf>,
    pub(super) connection: Connection,
    /// Where the catalog's own time can be asked for.
    pub(super) catalog_clock: Option<String>,
    pub(super) store: Store,
    /// Where the store's own time can be asked for.
    pub(super) store_clock: Option<String>,
    /// Where tables are made, if that is known beforehand.
    pub(super) warehouse: Option<String>,
    /// Name under which tables carry our progress.
    pub(super) cluster: String,
    pub(super) tables: Vec<TablePlan>,
}

/// One table.
pub(super) struct TablePlan {
    pub(super) settings: TableSettings,
    /// The schema that it would be created with, if it is configured.
    pub(super) columns: Option<Vec<Column>>,
}

impl Plan {
    /// # Errors
    /// A part that this version lacks, as at a start.
    pub(super) fn of(config: &Config) -> anyhow::Result<Self> {
        let (bound, _) = bindings::bind(config, Path::new(""))?;
        let mut kafkas: Vec<KafkaPlan> = Vec::new();
        let mut lakes: Vec<(&CatalogConfig, &StorageConfig, LakePlan)> = Vec::new();
        for (table, bound) in config.tables.iter().zip(bound) {
            let settings = bound.worker;
            match kafkas.iter_mut().find(|kafka| kafka.settings == settings.kafka) {
                Some(kafka) => kafka.topics.extend(settings.topics.iter().cloned()),
                None => kafkas.push(KafkaPlan {
                    settings: settings.kafka.clone(),
                    topics: settings.topics.iter().cloned().collect(),
                }),
            }
            let (catalog, storage) = (&table.iceberg.catalog, &table.storage);
            let place = lakes.iter().position(|(c, s, _)| *c == catalog && *s == storage).unwrap_or_else(|| {
                lakes.push((catalog, storage, lake(config, catalog, storage, settings.connection.clone())));
                lakes.len() - 1
            });
            lakes[place].2.tables.push(TablePlan { settings, columns: table.iceberg.columns.clone() });
        }
        let lakes = lakes.into_iter().map(|(_, _, lake)| lake).collect();
        Ok(Self { machine: machine(config), kafkas, lakes })
    }
}

fn machine(config: &Config) -> MachinePlan {
    // A file that is being written, and one that waits for its commit. What a table's own property says is not known here.
    let spool_bytes = config.tables.iter().map(|table| 2 * table.buffer.flush_max_bytes.unwrap_or(FILE_BYTES)).sum();
    MachinePlan {
        data_dir: config.data_dir.clone(),
        memory_bytes: config.memory_bytes,
        spool_bytes,
        tables: config.tables.len(),
        listeners: [config.http.health.clone(), config.http.metrics.clone()],
    }
}

fn lake(config: &Config, catalog: &CatalogConfig, storage: &StorageConfig, connection: Connection) -> LakePlan {
    let is_location = |place: &String| place.contains("://");
    let (name, database, catalog_clock, warehouse) = match catalog {
        CatalogConfig::Rest(rest) => {
            let clock = Some(format!("{}/v1/config", rest.uri));
            (rest.uri.clone(), None, clock, rest.warehouse.clone().filter(is_location))
        }
        CatalogConfig::Sql(sql) => {
            let name = format!("sqlite:{}", sql.database.display());
            (name, Some(sql.database.clone()), None, Some(sql.warehouse.clone()))
        }
    };
    let store_clock = match storage {
        StorageConfig::Local => None,
        StorageConfig::S3(s3) => {
            let amazon = || format!("https://s3.{}.amazonaws.com", s3.region.as_deref().unwrap_or(DEFAULT_REGION));
            Some(s3.endpoint.clone().unwrap_or_else(amazon))
        }
    };
    // One short object at a time.
    let store = Store::new(bindings::storage_settings(storage, &UploadMemory::default()));
    LakePlan {
        catalog: name,
        database,
        connection,
        catalog_clock,
        store,
        store_clock,
        warehouse,
        cluster: config.cluster_name.clone(),
        tables: Vec::new(),
    }
}
