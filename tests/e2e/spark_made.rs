//! A table that Spark made, with rows of its own: K2I appends to it as the table asks, and Spark reads both.

use std::fs;

use anyhow::{Result, ensure};
use k2i_tests::components::{Python, RestCatalog, S3, Spark};
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};
use serde_json::json;

use super::feed::{Feed, text};
use super::several::stopped_tables;
use super::table::Table;
use super::table_properties::{expect_codec, files};

const TABLE: &str = "sparkling.orders";
const TOPIC: &str = "spark-made";
const ORDERS: u32 = 12_000;
/// Numbers of the orders that somebody else writes, and how many.
const FOREIGN: u32 = 1_000_000;
const FOREIGN_ROWS: u32 = 100;
const MAX_SIZE_MB: u64 = 256;

/// Columns in another order, required ones, comments, and a gap in the ids where a column went.
const MADE: [&str; 4] = [
    "create namespace if not exists {catalog}.sparkling",
    "create table {table} (
        note string comment 'what the customer said', placed_at string, tags array<string>,
        _kafka_timestamp timestamp, gone int, _kafka_offset bigint not null comment 'where it was',
        _kafka_partition int not null, item struct<quantity: bigint, gift: boolean, sku: string> not null,
        amount double, customer string not null, order_id bigint not null)
     using iceberg tblproperties (
        'format-version' = '2', 'write.parquet.compression-codec' = 'gzip', 'write.parquet.compression-level' = '3',
        'write.parquet.row-group-size-bytes' = '1048576', 'write.metadata.metrics.default' = 'full')",
    "alter table {table} drop column gone",
    "alter table {table} add column later string comment 'nobody fills it'",
];
/// By Spark itself: our rows, what is in a struct, and what is null in some.
const ASKED: &str = "select count(*), count(distinct _kafka_partition, _kafka_offset), sum(item.quantity), count(note),
                            count(later) from {table} where _kafka_partition >= 0";

#[test]
fn rows_go_into_a_table_that_spark_made() {
    scene("rows_go_into_a_table_that_spark_made", |scene| {
        // It gets ready meanwhile.
        let spark = Spark::shared()?;
        let (catalog, s3) = (RestCatalog::shared()?, S3::shared()?);
        let mut feed = Feed::create(scene, TOPIC, 2)?;
        let tally = feed.produce(ORDERS)?;
        let table = Table::in_rest(catalog, s3, TABLE);
        spark.run(catalog, s3, TABLE, &MADE)?;
        let theirs = scene.path("theirs.csv");
        let (first, rows) = (FOREIGN.to_string(), FOREIGN_ROWS.to_string());
        let args = ["append", table.catalog(), TABLE, &first, &rows, text(&theirs)?];
        Python::shared()?.ask_with(scene, "table_properties.py", &args, table.variables())?;

        let k2i = start(scene, &feed, s3)?;
        let all = u64::from(ORDERS + FOREIGN_ROWS);
        table.wait_rows(scene, all)?;
        ensure!(stopped_tables(&k2i.log()).is_empty(), "the table is stopped");
        k2i.drain()?;

        let acks = [feed.acks(), std::slice::from_ref(&theirs)].concat();
        table.check_places(scene, &acks, all)?;
        expect_codec(&files(scene, &[&table])?[TABLE], "GZIP", u64::from(ORDERS))?;
        let found = spark.run(catalog, s3, TABLE, &[ASKED])?;
        let wanted = json!([[ORDERS, ORDERS, tally["quantity"], tally["notes"], 0]]);
        ensure!(found == wanted, "Spark finds {found}, not {wanted}");
        Ok(())
    });
}

fn start(scene: &Scene, feed: &Feed<'_>, s3: &S3) -> Result<K2i> {
    let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
    let file = scene.path("k2i.toml");
    fs::write(&file, toml(scene, feed.bootstrap(), &promise)?)?;
    let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
    command.envs(s3.variables());
    K2i::start(scene, "k2i", command, &promise)
}

fn toml(scene: &Scene, bootstrap: &str, promise: &Promise) -> Result<String> {
    let Promise { health_port, metrics_port, max_size_mb } = promise;
    let data = scene.path("data");
    Ok(format!(
        r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
topic = "{TOPIC}"
group_id = "spark-made"

[buffer]
max_size_mb = {max_size_mb}
flush_interval_seconds = 1

[iceberg]
catalog_type = "rest"
rest_uri = "{rest}"
warehouse = "{warehouse}"
database = "sparkling"
table = "orders"

[storage]
type = "s3"

[http]
health_address = "127.0.0.1:{health_port}"
metrics_address = "127.0.0.1:{metrics_port}"
"#,
        data = text(&data)?,
        rest = RestCatalog::shared()?.url(),
        warehouse = RestCatalog::WAREHOUSE,
    ))
}
