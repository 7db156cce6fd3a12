use std::path::PathBuf;

use k2i_runtime::config::Sources;

use super::*;

const TABLES: &str = r#"
[kafka]
bootstrap_servers = "localhost:9092"
group_id = "g"
[iceberg]
database = "shop"
sql_uri = "sqlite:lake.db"
[[tables]]
topic = "a"
table = "a"
[tables.iceberg]
max_requests_per_second = 30
[[tables]]
topic = "b"
table = "b"
[tables.iceberg]
max_requests_per_second = 20
catalog_name = "other"
[[tables]]
topic = "c"
table = "c"
[tables.iceberg]
catalog_type = "rest"
rest_uri = "http://localhost:8181/"
[[tables]]
topic = "d"
table = "d"
[tables.iceberg]
catalog_type = "rest"
rest_uri = "http://localhost:8181/v1"
token = "env:TOKEN"
max_requests_per_second = 7
"#;

fn config() -> Config {
    load(TABLES)
}

fn load(text: &str) -> Config {
    Config::load(&Sources {
        file: Some((PathBuf::from("config.toml"), text.to_owned())),
        environment: [("TOKEN".to_owned(), "secret".to_owned())].into(),
        working_directory: PathBuf::from("/work"),
        ..Sources::default()
    })
    .unwrap()
}

#[test]
fn a_catalog_has_one_pace_the_slowest_of_its_tables() {
    let expected = [("http://localhost:8181".to_owned(), 7), ("sqlite:/work/lake.db".to_owned(), 20)];
    assert_eq!(slowest(&config()), BTreeMap::from(expected));
}

#[test]
fn a_sql_catalog_goes_by_its_configured_name() {
    let named = |table: &TableConfig| catalog_settings(&table.iceberg.catalog, &HoldOff::default()).name;
    let names: Vec<String> = config().tables.iter().map(named).collect();
    assert_eq!(names[..2], ["default", "other"]);
}

#[test]
fn metadata_columns_go_into_schema_and_rows_under_their_configured_names() {
    const NAMES: &str = r#"
partition_column = "part"
offset_column = "off"
timestamp_column = "at"
topic_column = "source"
key_column = "k"
headers_column = "h"
columns = [{ name = "id", type = "long" }]
"#;
    let shared = TABLES.split("[[tables]]").next().unwrap();
    let text = format!("{shared}{NAMES}[[tables]]\ntopic = \"a\"\ntable = \"a\"\n");
    let (bound, _) = bind(&load(&text), Path::new("")).unwrap();
    let worker = &bound[0].worker;
    let name = |name: &str| Some(name.to_owned());
    let expected = MetadataColumns {
        partition: name("part"),
        offset: name("off"),
        timestamp: name("at"),
        topic: name("source"),
        key: name("k"),
        headers: name("h"),
    };
    assert_eq!(worker.metadata_columns, expected);
    let schema: serde_json::Value = serde_json::from_str(worker.schema.as_ref().unwrap()).unwrap();
    let fields = schema["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap());
    assert_eq!(fields.collect::<Vec<_>>(), ["id", "part", "off", "at", "source", "k", "h"]);
    let off = load(&text.replace(NAMES, "metadata_columns = \"off\"\n"));
    assert_eq!(bind(&off, Path::new("")).unwrap().0[0].worker.metadata_columns, MetadataColumns::off());
}

#[test]
fn a_property_that_librdkafka_does_not_take_is_named_with_its_table() {
    let shared = TABLES.split("[[tables]]").next().unwrap();
    let table = "[[tables]]\ntopic = \"a\"\ntable = \"a\"\n";
    let of = |property: &str| load(&format!("{shared}{table}[tables.kafka.properties]\n{property}\n"));
    let unknown = check(&of("no.such.thing = 1")).unwrap_err().to_string();
    assert_eq!(unknown, "shop.a: kafka property `no.such.thing` is not known to librdkafka");
    let bad = check(&of("client.dns.lookup = \"hunter2\"")).unwrap_err().to_string();
    assert_eq!(bad, "shop.a: kafka property `client.dns.lookup` has a value that librdkafka does not take");
    check(&of("client.rack = \"eu-1a\"")).unwrap();
}
