//! The configuration that the demo's `k2i ingest` runs with: a file as a user would write it, and kept for looking at.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use k2i_lakehouse::{Connection, TableIdent};
use k2i_runtime::config::{Config, Sources};

use super::broker::TOPIC;
use super::orders::COLUMNS;
use crate::bindings;

/// The cluster's name, and with it the name of the watermark in the table.
pub(super) const CLUSTER: &str = "k2i-demo";
/// The table's namespace and name.
pub(super) const TABLE: (&str, &str) = ("shop", "orders");
/// Memory budget.
pub(super) const MAX_SIZE_MB: u64 = 256;
/// A cut ends after this time, or this many rows.
const FLUSH_SECONDS: u32 = 2;
const FLUSH_RECORDS: u32 = 20_000;

/// Where everything of a run is.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub(super) config: PathBuf,
    pub(super) catalog: PathBuf,
    pub(super) warehouse: PathBuf,
    pub(super) data: PathBuf,
    pub(super) logs: PathBuf,
}

impl Places {
    /// Everything in `root`; catalog and warehouse, which are the user's data, beside K2I's own state.
    pub(super) fn below(root: &Path) -> Self {
        Self {
            config: root.join("config.toml"),
            catalog: root.join("catalog.db"),
            warehouse: root.join("warehouse"),
            data: root.join("k2i-data"),
            logs: root.join("logs"),
        }
    }

    /// Data files of the table that are in the store.
    pub(super) fn data_files(&self) -> PathBuf {
        self.warehouse.join(TABLE.0).join(TABLE.1).join("data")
    }

    /// Data files of the table on their way: those of the configuration's first table.
    pub(super) fn spool(&self) -> PathBuf {
        self.data.join("spool").join("0")
    }

    /// The worker's transaction log.
    pub(super) fn log(&self) -> PathBuf {
        self.data.join("worker")
    }
}

/// The file's text.
pub(super) fn text(places: &Places, bootstrap: &str) -> String {
    let path = |path: &Path| quoted(&path.to_string_lossy());
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "\
# Written by `k2i demo`. Its broker lives only as long as the demo.
data_dir = {data}
cluster_name = {cluster}

[kafka]
bootstrap_servers = {bootstrap}
topic = {topic}
group_id = {cluster}

[kafka.properties]
\"fetch.wait.max.ms\" = \"50\"

[buffer]
max_size_mb = {MAX_SIZE_MB}
flush_interval_seconds = {FLUSH_SECONDS}
flush_max_records = {FLUSH_RECORDS}

[iceberg]
catalog_type = \"sql\"
sql_uri = {catalog}
warehouse = {warehouse}
database = {database}
table = {table}
columns = [
",
        data = path(&places.data),
        cluster = quoted(CLUSTER),
        bootstrap = quoted(bootstrap),
        topic = quoted(TOPIC),
        catalog = quoted(&format!("sqlite:{}", places.catalog.display())),
        warehouse = quoted(&format!("file://{}", places.warehouse.display())),
        database = quoted(TABLE.0),
        table = quoted(TABLE.1),
    );
    for (name, kind) in COLUMNS {
        let _ = writeln!(out, "    {{ name = {}, type = {} }},", quoted(name), quoted(kind));
    }
    out.push_str(
        "\
]

[storage]
type = \"local\"

[http]
health_address = \"127.0.0.1:0\"
metrics_address = \"127.0.0.1:0\"
",
    );
    out
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

/// The table of this configuration, by the code that `k2i ingest` reads it with.
///
/// # Errors
/// The configuration is wrong, which it never should be.
pub(super) fn table(places: &Places, text: &str) -> Result<(Connection, TableIdent)> {
    let sources = Sources { file: Some((places.config.clone(), text.to_owned())), ..Sources::default() };
    let config = Config::load(&sources).map_err(|error| anyhow::anyhow!("the demo's configuration: {error}"))?;
    let (bound, _) = bindings::bind(&config, &places.data.join("spool"))?;
    let table = bound.into_iter().next().context("the demo's configuration has a table")?.coordinator;
    Ok((table.connection, table.ident))
}
