//! Data in, expectation out. Here: the quickstart, the defaults and precedence.

mod catalogs;
mod columns;
mod generated;
mod kafka;
mod metadata;
mod mistakes;
mod robust;
mod tables;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::*;

const QUICKSTART: &str = r#"[kafka]
bootstrap_servers = "localhost:9092"
topic = "events"
group_id = "k2i-ingestion"

[buffer]
max_size_mb = 500
flush_interval_seconds = 30

[iceberg]
catalog_type = "rest"
rest_uri = "http://localhost:8181"
warehouse = "s3://my-bucket/warehouse"
database = "analytics"
table = "events"

[storage]
type = "s3"
bucket = "my-bucket"
region = "us-east-1"
"#;

const LOCAL: &str = r#"[kafka]
bootstrap_servers = ["a:9092", "b:9092"]
topic = "events"
group_id = "g"
[iceberg]
database = "db"
table = "t"
"#;

fn sources(text: &str) -> Sources {
    Sources {
        file: Some((PathBuf::from("config.toml"), text.to_owned())),
        working_directory: PathBuf::from("/work/dir"),
        ..Sources::default()
    }
}

fn with_variables(text: &str, variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..sources(text) }
}

fn load(text: &str) -> Config {
    Config::load(&sources(text)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(sources: &Sources) -> Vec<String> {
    let errors = Config::load(sources).expect_err("the configuration is wrong");
    errors.to_string().lines().map(str::to_owned).collect()
}

/// Checks that each line of the errors has the parts that are expected of it, and that there are no others.
fn assert_errors(sources: &Sources, expected: &[&[&str]]) {
    let found = errors(sources);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (line, parts) in found.iter().zip(expected) {
        for part in *parts {
            assert!(line.contains(part), "{part:?} is not in {line:?}; all: {found:#?}");
        }
    }
}

/// The local configuration with more lines at the end of a section.
fn local_with(section: &str, lines: &str) -> String {
    if LOCAL.contains(&format!("[{section}]")) {
        LOCAL.replace(&format!("[{section}]\n"), &format!("[{section}]\n{lines}\n"))
    } else {
        format!("{LOCAL}[{section}]\n{lines}\n")
    }
}

#[test]
fn quickstart_works_unchanged() {
    let config = load(QUICKSTART);
    assert_eq!(config.cluster_name, "k2i-ingestion");
    assert_eq!(config.data_dir, PathBuf::from("/work/dir/k2i-data"));
    assert_eq!(config.memory_bytes, 500 * 1024 * 1024);
    assert_eq!(config.http.health.address.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.metrics.address.to_string(), "127.0.0.1:9090");
    assert_eq!(config.warnings, Vec::<String>::new());
    let [table] = &config.tables[..] else { panic!("{:?}", config.tables) };
    assert_eq!(table.key, "analytics.events");
    assert_eq!(table.topics, ["events"]);
    assert_eq!(table.kafka.bootstrap_servers, ["localhost:9092"]);
    assert_eq!(table.kafka.group_id, "k2i-ingestion");
    assert_eq!(table.kafka.start, Start::Earliest);
    assert_eq!(table.buffer.flush_interval, Duration::from_secs(30));
    assert_eq!(table.buffer.flush_max_records, None);
    assert_eq!(table.buffer.flush_max_bytes, None);
    let rest = RestCatalogConfig {
        uri: "http://localhost:8181".to_owned(),
        warehouse: Some("s3://my-bucket/warehouse".to_owned()),
        auth: RestAuth::None,
        access_delegation: AccessDelegation::VendedCredentials,
    };
    assert_eq!(table.iceberg.catalog, CatalogConfig::Rest(rest));
    assert_eq!(table.iceberg.metadata_columns, metadata::usual());
    let s3 = S3Config {
        bucket: Some("my-bucket".to_owned()),
        region: Some("us-east-1".to_owned()),
        endpoint: None,
        path_style: None,
        profile: None,
        access_key: None,
    };
    assert_eq!(table.storage, StorageConfig::S3(s3));
}

#[test]
fn defaults_need_no_server_but_kafka() {
    let config = load(LOCAL);
    let table = &config.tables[0];
    assert_eq!(table.kafka.bootstrap_servers, ["a:9092", "b:9092"]);
    assert_eq!(table.storage, StorageConfig::Local);
    let sql = SqlCatalogConfig {
        database: PathBuf::from("/work/dir/k2i-data/catalog.db"),
        name: "default".to_owned(),
        warehouse: "file:///work/dir/k2i-data/warehouse".to_owned(),
    };
    assert_eq!(table.iceberg.catalog, CatalogConfig::Sql(sql));
}

#[test]
fn servers_as_one_string() {
    let config = load(&LOCAL.replace(r#"["a:9092", "b:9092"]"#, r#""a:9092, b:9092""#));
    assert_eq!(config.tables[0].kafka.bootstrap_servers, ["a:9092", "b:9092"]);
}

#[test]
fn file_then_environment_then_flags() {
    let text = local_with("buffer", "flush_interval_seconds = 10\nmax_size_mb = 100\nflush_max_size_mb = 64");
    let mut sources = with_variables(
        &text,
        &[("K2I__BUFFER__MAX_SIZE_MB", "200"), ("K2I__BUFFER__FLUSH_MAX_SIZE_MB", "65"), ("K2I__DATA_DIR", "/env")],
    );
    sources.overrides = vec![
        Override { flag: "--data-dir", key: "data_dir", value: "/flag".to_owned() },
        Override { flag: "--flush-max-size-mb", key: "buffer.flush_max_size_mb", value: "66".to_owned() },
    ];
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.tables[0].buffer.flush_interval, Duration::from_secs(10));
    assert_eq!(config.memory_bytes, 200 * 1024 * 1024);
    assert_eq!(config.tables[0].buffer.flush_max_bytes, Some(66 * 1024 * 1024));
    assert_eq!(config.data_dir, PathBuf::from("/flag"));
}

#[test]
fn everything_from_the_environment() {
    let variables = [
        ("K2I__KAFKA__BOOTSTRAP_SERVERS", "a:9092,b:9092"),
        ("K2I__KAFKA__TOPIC", "events"),
        ("K2I__KAFKA__GROUP_ID", "g"),
        ("K2I__ICEBERG__DATABASE", "db"),
        ("K2I__ICEBERG__TABLE", "t"),
        ("K2I_CACHE", "not ours to read"),
    ];
    assert_eq!(Config::load(&with_variables("", &variables)).unwrap(), load(LOCAL));
}

#[test]
fn properties_from_file_and_environment_merge() {
    let text = local_with(
        "kafka.properties",
        "security.protocol = \"SASL_SSL\"\nsasl.mechanism = \"PLAIN\"\n\"sasl.username\" = \"me\"\nsasl.password = \"env:PASSWORD\"\nfetch.min.bytes = 5",
    );
    let variables = [("PASSWORD", "hunter2"), ("K2I__KAFKA__PROPERTIES__SASL_USERNAME", "you")];
    let config = Config::load(&with_variables(&text, &variables)).unwrap();
    let properties: BTreeMap<&str, &str> =
        config.tables[0].kafka.properties.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let expected = [
        ("fetch.min.bytes", "5"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.password", "hunter2"),
        ("sasl.username", "you"),
        ("security.protocol", "SASL_SSL"),
    ];
    assert_eq!(properties, BTreeMap::from(expected));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn insecure_bind_warns() {
    let config = load(&local_with("http", "health_address = \"0.0.0.0:8080\"\ninsecure_bind = true"));
    assert_eq!(config.warnings.len(), 1);
    assert!(config.warnings[0].contains("http.health_address") && config.warnings[0].contains("without encryption"));
    let mut sources = sources(&local_with("http", "health_address = \"0.0.0.0:8080\""));
    assert!(errors(&sources)[0].contains("--insecure-bind"));
    sources.overrides = vec![Override { flag: "--insecure-bind", key: "http.insecure_bind", value: "true".to_owned() }];
    assert!(Config::load(&sources).is_ok());
}
