//! Metadata columns under other names, with keys and headers: what they say of a record is what was sent.

use anyhow::{Context, Result, ensure};
use k2i_tests::components::Python;
use k2i_tests::scene::{Scene, scene};
use serde_json::Value;

use super::feed::Feed;
use super::several::Several;
use super::table::{ENGINES, Table};

/// Lines of `[iceberg]` that name every column.
const ALL_NAMED: &str = r#"
partition_column = "part"
offset_column = "position"
timestamp_column = "sent_at"
topic_column = "source"
key_column = "record_key"
headers_column = "record_headers"
"#;
/// The same for the reader, in the order of the table.
const ALL_COLUMNS: [(&str, &str); 6] = [
    ("partition", "part"),
    ("offset", "position"),
    ("timestamp", "sent_at"),
    ("topic", "source"),
    ("key", "record_key"),
    ("headers", "record_headers"),
];
/// Where the topic alone has another name.
const TOPIC_NAMED: &str = "topic_column = \"source\"";
const USUAL_COLUMNS: [(&str, &str); 4] = [
    ("partition", "_kafka_partition"),
    ("offset", "_kafka_offset"),
    ("timestamp", "_kafka_timestamp"),
    ("topic", "source"),
];

#[test]
fn metadata_columns_have_their_configured_names() {
    scene("metadata_columns_have_their_configured_names", |scene| {
        let names = ["metadata-one", "metadata-east", "metadata-west"];
        let mut sent = Vec::new();
        for name in names {
            let feed = Feed::create(scene, name, 2)?;
            sent.push(ask(scene, &["produce", feed.bootstrap(), name])?);
        }
        let [one, east, west] = names;
        let several_topics = [records(&sent[1])?, records(&sent[2])?].concat();

        let mut several = Several::new(scene)?;
        let renamed = several.table("renamed", &[one], ALL_NAMED)?;
        let sources = several.table("sources", &[east, west], TOPIC_NAMED)?;
        let k2i = several.ingest()?;
        renamed.wait_rows(scene, records(&sent[0])?.len() as u64)?;
        sources.wait_rows(scene, several_topics.len() as u64)?;
        k2i.drain()?;

        check(scene, &renamed, &ALL_COLUMNS, records(&sent[0])?)?;
        check(scene, &sources, &USUAL_COLUMNS, several_topics)
    });
}

/// Both engines find these records, and beside the data no columns but these.
fn check(scene: &Scene, table: &Table, columns: &[(&str, &str)], mut sent: Vec<Value>) -> Result<()> {
    let roles: Vec<&str> = columns.iter().map(|(role, _)| *role).chain(["id"]).collect();
    for record in &mut sent {
        record.as_object_mut().context("a record is an object")?.retain(|role, _| roles.contains(&role.as_str()));
    }
    let pairs: Vec<String> = columns.iter().map(|(role, column)| format!("{role}={column}")).collect();
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    let names: Vec<&str> = ["id"].into_iter().chain(columns.iter().map(|(_, column)| *column)).collect();
    for engine in ENGINES {
        let args = [&["read", engine, table.catalog(), table.name()][..], &pairs].concat();
        let found = ask(scene, &args)?;
        ensure!(found["columns"] == Value::from(names.clone()), "{engine}: columns {}", found["columns"]);
        let wanted = Value::from(sent.clone());
        ensure!(found["records"] == wanted, "{engine} finds\n{}\nand not\n{wanted}", found["records"]);
    }
    Ok(())
}

fn records(sent: &Value) -> Result<Vec<Value>> {
    Ok(sent.as_array().context("records are a list")?.clone())
}

fn ask(scene: &Scene, args: &[&str]) -> Result<Value> {
    Python::shared()?.ask(scene, "metadata.py", args)
}
