//! The configuration file that most tests start `k2i` with.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::ports;
use crate::scene::Scene;

/// The configuration of one topic into one table: SQLite catalog, local warehouse.
#[derive(Debug, Clone)]
pub struct IngestConfig {
    /// Kafka's address.
    pub bootstrap: String,
    /// The topic.
    pub topic: String,
    /// Kafka group, and with it the cluster's name.
    pub group_id: String,
    /// The memory budget.
    pub max_size_mb: u64,
    /// Time between commits.
    pub flush_interval_seconds: u64,
    /// Size at which a data file is complete, where it is not the default.
    pub flush_max_size_mb: Option<u64>,
    /// The catalog's SQLite file.
    pub catalog: PathBuf,
    /// The folder that tables are made in.
    pub warehouse: PathBuf,
    /// The table's namespace.
    pub database: String,
    /// The table's name.
    pub table: String,
    /// K2I's own state.
    pub data_dir: PathBuf,
    /// Port of `/readyz`.
    pub health_port: u16,
    /// Port of `/metrics`.
    pub metrics_port: u16,
}

impl IngestConfig {
    /// A configuration whose files all lie in the scene's folder, with two ports of its own. Catalog and warehouse are
    /// outside of the data folder, so that one can be lost without the other.
    ///
    /// # Errors
    /// No port is free.
    pub fn new(scene: &Scene, bootstrap: &str) -> Result<Self> {
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            topic: scene.name().to_owned(),
            group_id: format!("{}-group", scene.name()),
            max_size_mb: 256,
            flush_interval_seconds: 2,
            flush_max_size_mb: None,
            catalog: scene.path("catalog.db"),
            warehouse: scene.path("warehouse"),
            database: "shop".to_owned(),
            table: "orders".to_owned(),
            data_dir: scene.path("data"),
            health_port: ports::free()?,
            metrics_port: ports::free()?,
        })
    }

    /// `namespace.table`.
    #[must_use]
    pub fn full_table(&self) -> String {
        format!("{}.{}", self.database, self.table)
    }

    /// Writes it as `name` into the scene's folder.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, scene: &Scene, name: &str) -> Result<PathBuf> {
        let path = scene.path(name);
        fs::write(&path, self.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl fmt::Display for IngestConfig {
    /// As TOML. A Rust string's debug form is a TOML string for everything that these values hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        writeln!(f, "data_dir = {:?}", text(&self.data_dir))?;
        writeln!(f, "\n[kafka]\nbootstrap_servers = {:?}\ntopic = {:?}", self.bootstrap, self.topic)?;
        writeln!(f, "group_id = {:?}", self.group_id)?;
        writeln!(f, "\n[buffer]\nmax_size_mb = {}", self.max_size_mb)?;
        writeln!(f, "flush_interval_seconds = {}", self.flush_interval_seconds)?;
        if let Some(size) = self.flush_max_size_mb {
            writeln!(f, "flush_max_size_mb = {size}")?;
        }
        writeln!(f, "\n[iceberg]\ncatalog_type = \"sql\"\nsql_uri = {:?}", format!("sqlite:{}", text(&self.catalog)))?;
        writeln!(f, "warehouse = {:?}", format!("file://{}", text(&self.warehouse)))?;
        writeln!(f, "database = {:?}\ntable = {:?}", self.database, self.table)?;
        writeln!(f, "\n[storage]\ntype = \"local\"")?;
        writeln!(f, "\n[http]\nhealth_address = \"127.0.0.1:{}\"", self.health_port)?;
        writeln!(f, "metrics_address = \"127.0.0.1:{}\"", self.metrics_port)
    }
}
