//! Tables that PyIceberg made, with columns in an order of their own, required ones, gaps between the ids, and properties
//! that say how files are to be: what K2I adds is as the table asks, and what it cannot follow it refuses by name.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::scene::{Scene, scene};
use serde_json::{Value, json};

use super::feed::{Feed, text};
use super::several::{Several, expect_names, wait_stopped};
use super::table::Table;

const ORDERS: u32 = 12_000;
/// Each of nine tables reads the one topic for itself.
const MAX_SIZE_MB: u64 = 320;
/// So that a size ends a cut sooner than a tick.
const FLUSH_SECONDS: u64 = 5;
/// A file cannot be cut in the middle of a decoder's batch, or of a reader's.
const BATCH_ROWS: u64 = 8_192 + 1_024;
/// The codec of a table that asks for none.
const OURS: &str = "ZSTD";

/// Table, properties, and the codec that its files have to have.
const FOLLOWED: [(&str, &[&str], &str); 7] = [
    ("silent", &[], OURS),
    (
        "zstd",
        &[
            "write.parquet.compression-codec=zstd",
            "write.parquet.compression-level=5",
            "write.target-file-size-bytes=100000",
        ],
        OURS,
    ),
    ("snappy", &["write.parquet.compression-codec=snappy", "write.parquet.row-group-size-bytes=200000"], "SNAPPY"),
    (
        "gzip",
        &[
            "write.parquet.compression-codec=gzip",
            "write.parquet.compression-level=9",
            "write.parquet.page-size-bytes=16384",
            "write.metadata.compression-codec=gzip",
        ],
        "GZIP",
    ),
    ("lz4", &["write.parquet.compression-codec=lz4", "write.parquet.dict-size-bytes=1024"], "LZ4"),
    (
        "uncompressed",
        &["write.parquet.compression-codec=uncompressed", "write.object-storage.enabled=true"],
        "UNCOMPRESSED",
    ),
    (
        "measured",
        &[
            "write.metadata.metrics.default=none",
            "write.metadata.metrics.column.order_id=full",
            "write.metadata.metrics.column.item.sku=counts",
            "write.metadata.metrics.column.customer=truncate(2)",
        ],
        OURS,
    ),
];
/// Table, properties, and what the stop has to name.
const REFUSED: [(&str, &str, &str); 2] = [
    ("orc", "write.format.default=orc", "write.format.default is \"orc\""),
    ("brotli", "write.parquet.compression-codec=brotli", "write.parquet.compression-codec is \"brotli\""),
];

#[test]
fn files_are_as_the_properties_of_pyiceberg_s_tables_ask() {
    scene("files_are_as_the_properties_of_pyiceberg_s_tables_ask", |scene| {
        let mut several = Several::new(scene)?;
        several.max_size_mb = MAX_SIZE_MB;
        several.flush_interval_seconds = FLUSH_SECONDS;
        let mut feed = Feed::create(scene, "properties-pyiceberg", 1)?;
        let tally = feed.produce(ORDERS)?;
        create(scene)?;
        for name in FOLLOWED.map(|(name, ..)| name).iter().chain(&REFUSED.map(|(name, ..)| name)) {
            several.table(name, &[feed.topic()], "")?;
        }
        let mut k2i = several.ingest()?;
        for (name, _, words) in REFUSED {
            expect_names(&wait_stopped(&mut k2i, name, "schema")?, &[words])?;
            ensure!(several.find(name)?.commit_times(scene)?.is_empty(), "{name} was claimed before it was refused");
        }
        for (name, ..) in FOLLOWED {
            several.find(name)?.wait_rows(scene, u64::from(ORDERS))?;
        }
        k2i.drain()?;
        let tables = FOLLOWED.map(|(name, ..)| several.find(name)).into_iter().collect::<Result<Vec<_>>>()?;
        let found = files(scene, &tables.iter().collect::<Vec<_>>())?;
        for ((name, _, codec), table) in FOLLOWED.iter().zip(&tables) {
            table.check_exact(scene, feed.acks(), &tally)?;
            let found = &found[table.name()];
            let files = expect_codec(found, codec, u64::from(ORDERS)).with_context(|| format!("shop.{name}"))?;
            match *name {
                "zstd" => expect_small(files)?,
                "snappy" => expect_row_groups(files)?,
                "gzip" => expect_compressed_metadata(found)?,
                "uncompressed" => expect_hashed(files)?,
                "measured" => expect_measured(files)?,
                _ => {}
            }
        }
        Ok(())
    });
}

fn create(scene: &Scene) -> Result<()> {
    let mut tables = serde_json::Map::new();
    for (name, properties, _) in FOLLOWED {
        tables.insert(name.to_owned(), json!(properties));
    }
    for (name, property, _) in REFUSED {
        tables.insert(name.to_owned(), json!([property]));
    }
    let (catalog, warehouse) = (scene.path("catalog.db"), format!("file://{}", text(&scene.path("warehouse"))?));
    let args = ["create", text(&catalog)?, &warehouse, "shop", &Value::from(tables).to_string()];
    Python::shared()?.ask(scene, "table_properties.py", &args).map(|_| ())
}

/// What PyArrow and PyIceberg say of the files that K2I added, by table. The tables are in one catalog.
pub fn files(scene: &Scene, tables: &[&Table]) -> Result<Value> {
    let first = tables.first().context("tables to look at")?;
    let names: Vec<&str> = tables.iter().map(|table| table.name()).collect();
    let args = [&["files", first.catalog()][..], &names].concat();
    Python::shared()?.ask_with(scene, "table_properties.py", &args, first.variables())
}

/// The files that K2I added, all of this codec and with so many rows together.
pub fn expect_codec<'a>(found: &'a Value, codec: &str, rows: u64) -> Result<&'a Vec<Value>> {
    let files = found["files"].as_array().context("files are a list")?;
    let wrong: Vec<&Value> = files.iter().filter(|file| file["codecs"] != json!([codec])).collect();
    ensure!(wrong.is_empty(), "files that are not {codec}: {wrong:?}");
    let sum: Option<u64> = files.iter().map(|file| file["rows"].as_u64()).sum();
    ensure!(sum == Some(rows), "{sum:?} rows in our files, not {rows}");
    Ok(files)
}

/// A target of 100 kB ends each file at the first batch.
fn expect_small(files: &[Value]) -> Result<()> {
    let largest = files.iter().filter_map(|file| file["rows"].as_u64()).max();
    ensure!(largest.is_some_and(|rows| rows <= BATCH_ROWS), "the largest file has {largest:?} rows");
    Ok(())
}

fn expect_row_groups(files: &[Value]) -> Result<()> {
    let divided = |file: &Value| file["bytes"].as_u64() > Some(300_000) && file["row_groups"].as_u64() >= Some(2);
    ensure!(files.iter().any(divided), "no file has row groups of 200 kB: {files:?}");
    Ok(())
}

fn expect_compressed_metadata(found: &Value) -> Result<()> {
    let name = found["metadata"].as_str().context("a location")?;
    ensure!(name.ends_with(".gz.metadata.json"), "the metadata is at {name}");
    Ok(())
}

/// Twenty bits of folders, and not the same ones for all.
fn expect_hashed(files: &[Value]) -> Result<()> {
    let mut folders = BTreeSet::new();
    for file in files {
        let path = file["path"].as_str().context("a path")?;
        let (_, below) = path.split_once("/data/").context("the data folder")?;
        let parts: Vec<&str> = below.split('/').collect();
        let lengths: Vec<usize> = parts[..parts.len() - 1].iter().map(|part| part.len()).collect();
        ensure!(lengths == [4, 4, 4, 8], "{path} does not lie in folders of a hash");
        folders.insert(parts[..4].concat());
    }
    ensure!(folders.len() == files.len(), "{} files in {} folders", files.len(), folders.len());
    Ok(())
}

fn expect_measured(files: &[Value]) -> Result<()> {
    for file in files {
        ensure!(file["counts"] == json!(["customer", "item.sku", "order_id"]), "counts: {file}");
        ensure!(file["bounds"] == json!(["customer", "order_id"]), "bounds: {file}");
    }
    Ok(())
}
