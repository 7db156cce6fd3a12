//! `k2i ingest` as the benchmark runs it: a child process, one topic into one table, defaults wherever there are any.

use std::fs;

use anyhow::{Context, Result};

use super::lake::Table;
use super::shape::Shape;
use super::stages::BUDGET_MB;
use super::{Servers, warehouse};
use crate::k2i::{K2i, Promise, command};
use crate::ports;
use crate::scene::Scene;

/// What is logged: as by default, and when a cut is begun to be sealed, which is one line for each cut.
const LOGGED: &str = "warn,k2i=info,k2i_worker::table::writer=debug";

/// Starts it. The table is made by it, with the shape's columns.
///
/// # Errors
/// It could not be started.
pub(super) fn start(
    scene: &Scene,
    servers: &Servers,
    topic: &str,
    shape: &Shape,
    table: &Table<'_>,
    flush_seconds: u64,
) -> Result<K2i> {
    let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: BUDGET_MB };
    let file = scene.path(&format!("{}.toml", table.name));
    let text = toml(scene, servers, topic, shape, table, flush_seconds, &promise);
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    let mut command = command(&["ingest", "--config"])?;
    command.arg(file).env("RUST_LOG", LOGGED);
    K2i::start(scene, &table.name, command, &promise)
}

/// The configuration. `max_size_mb` is the default, written down since the stages are given the same.
fn toml(
    scene: &Scene,
    servers: &Servers,
    topic: &str,
    shape: &Shape,
    table: &Table<'_>,
    flush_seconds: u64,
    promise: &Promise,
) -> String {
    let columns: Vec<String> =
        shape.columns.iter().map(|(name, kind)| format!("{{ name = \"{name}\", type = \"{kind}\" }}")).collect();
    format!(
        r#"data_dir = {data:?}

[kafka]
bootstrap_servers = "{bootstrap}"
topic = "{topic}"
group_id = "bench-{name}"

[buffer]
max_size_mb = {max_size_mb}
flush_interval_seconds = {flush_seconds}

[iceberg]
catalog_type = "rest"
rest_uri = "{rest}"
warehouse = {warehouse:?}
database = "{database}"
table = "{name}"
columns = [{columns}]

[storage]
type = "local"

[http]
health_address = "127.0.0.1:{health_port}"
metrics_address = "127.0.0.1:{metrics_port}"
"#,
        data = scene.path(&format!("data-{}", table.name)).to_string_lossy(),
        bootstrap = servers.kafka.bootstrap(),
        max_size_mb = promise.max_size_mb,
        rest = table.catalog.url(),
        warehouse = warehouse(scene),
        database = table.database,
        name = table.name,
        columns = columns.join(", "),
        health_port = promise.health_port,
        metrics_port = promise.metrics_port,
    )
}
