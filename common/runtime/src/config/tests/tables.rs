//! `[[tables]]`: inheritance, overrides, conflicts, and the cluster's name.

use super::*;

pub(super) const TABLES: &str = r#"cluster_name = "c"
[kafka]
bootstrap_servers = "a:9092"
[kafka.properties]
security.protocol = "SSL"
ssl.ca.location = "/ca"
[buffer]
flush_interval_seconds = 20
[iceberg]
database = "db"
[[tables]]
topic = "orders"
table = "orders"
[[tables]]
topics = ["clicks", "views"]
database = "web.raw"
table = "events"
[tables.buffer]
flush_interval_seconds = 5
[tables.kafka.properties]
security.protocol = "PLAINTEXT"
[tables.iceberg]
metadata_columns = "off"
"#;

#[test]
fn tables_inherit_and_override() {
    let config = load(TABLES);
    assert_eq!(config.cluster_name, "c");
    let [orders, web] = &config.tables[..] else { panic!("{:?}", config.tables) };
    assert_eq!((orders.key.as_str(), web.key.as_str()), ("db.orders", "web.raw.events"));
    assert_eq!(web.iceberg.namespace, ["web", "raw"]);
    assert_eq!(web.topics, ["clicks", "views"]);
    assert_eq!(orders.kafka.group_id, "c");
    assert_eq!(orders.buffer.flush_interval, Duration::from_secs(20));
    assert_eq!(web.buffer.flush_interval, Duration::from_secs(5));
    assert_eq!(web.kafka.properties["security.protocol"].expose(), "PLAINTEXT");
    assert_eq!(web.kafka.properties["ssl.ca.location"].expose(), "/ca");
    assert_eq!(orders.iceberg.metadata_columns, metadata::usual());
    assert_eq!(web.iceberg.metadata_columns, MetadataColumns::default());
}

#[test]
fn two_tables_writing_to_one_table() {
    let text = TABLES.replace("database = \"web.raw\"\ntable = \"events\"", "table = \"orders\"");
    assert_errors(&sources(&text), &[&["config.toml:14: tables[1]: writes to the same table as tables[0], db.orders"]]);
    let text = text.replace("metadata_columns = \"off\"", "sql_uri = \"sqlite:/other.db\"");
    assert_errors(&sources(&text), &[&["config.toml:14: tables[1]: has the same database and table as tables[0]"]]);
}

#[test]
fn mistakes_in_tables() {
    let text = r#"[kafka]
bootstrap_servers = "a"
group_id = "g"
topic = "events"
[iceberg]
table = "t"
[[tables]]
tpic = "orders"
database = "db"
[tables.buffer]
max_size_mb = 100
flush_interval = 1
[tables.iceberg]
table = "x"
[tables.http]
health_address = "127.0.0.1:1"
[[tables]]
topic = "x"
database = "db"
table = "y"
flush_interval_seconds = 3
"#;
    assert_errors(
        &sources(text),
        &[
            &["config.toml:4: kafka.topic: has no meaning beside [[tables]]"],
            &["config.toml:6: iceberg.table: has no meaning beside [[tables]]"],
            &["config.toml:8: tables[0].tpic: unknown key; did you mean `topic`?"],
            &["config.toml:11: tables[0].buffer.max_size_mb: cannot be set for one table here"],
            &["config.toml:12: tables[0].buffer.flush_interval: unknown key; did you mean `flush_interval_seconds`?"],
            &["config.toml:14: tables[0].iceberg.table: cannot be set for one table here: write `table`"],
            &["config.toml:15: tables[0].http: unknown key"],
            &["config.toml:21: tables[1].flush_interval_seconds: unknown key here; it belongs to [tables.buffer]"],
        ],
    );
    let text = TABLES.replace("topic = \"orders\"\n", "").replace("table = \"events\"\n", "");
    assert_errors(
        &sources(&text),
        &[&["config.toml:11: tables[0].topic: missing"], &["config.toml:13: tables[1].table: missing"]],
    );
}

#[test]
fn a_shared_mistake_is_reported_once() {
    let text = TABLES.replace("\"a:9092\"", "\"a:0\"").replace("[iceberg]\n", "[iceberg]\ncatalog_type = \"rest\"\n");
    assert_errors(
        &sources(&text),
        &[&["config.toml:3: kafka.bootstrap_servers: \"a:0\" is not host:port"], &["iceberg.rest_uri: missing"]],
    );
}

#[test]
fn cluster_name_is_the_group_unless_set() {
    let long = "ü".repeat(11);
    let found = errors(&sources(&LOCAL.replace("\"g\"", &format!("\"{long}\""))));
    assert!(
        found.len() == 1 && found[0].contains("kafka.group_id: too long for a cluster name: 66 bytes"),
        "{found:?}"
    );
    let text = TABLES.replace("cluster_name = \"c\"\n", "");
    let two_groups =
        text.replace("[tables.kafka.properties]", "[tables.kafka]\ngroup_id = \"h\"\n[tables.kafka.properties]");
    assert_eq!(load(&two_groups.replace("[kafka]\n", "[kafka]\ngroup_id = \"g\"\n")).cluster_name, "g");
    assert_errors(&sources(&text), &[&["kafka.group_id: missing (or `cluster_name`)"]]);
}
