//! Every kind of mistake, and what is said of it.

use super::*;

#[test]
fn every_problem_at_once_with_key_line_and_nearest_key() {
    let text = r#"data_dri = "/x"
[kafka]
bootstrap_servers = 9092
topic = "events"
group_id = "g"
flush_interval_seconds = 30
[buffer]
max_size_mb = "500"
flush_interval_secs = 30
flush_max_records = 0
[iceberg]
catalog_type = "sqlite"
database = "db"
table = "t"
on_null_value = "rows"
[htp]
x = 1
[log]
level = true
zzzzzzzz = 1
"#;
    assert_errors(
        &sources(text),
        &[
            &["config.toml:1: data_dri: unknown key; did you mean `data_dir`?"],
            &["config.toml:3: kafka.bootstrap_servers: must be a list of texts", "not a whole number"],
            &["config.toml:6: kafka.flush_interval_seconds: unknown key here; it belongs to [buffer]"],
            &["config.toml:8: buffer.max_size_mb: must be a whole number from 32", "not text"],
            &["config.toml:9: buffer.flush_interval_secs: unknown key; did you mean `flush_interval_seconds`?"],
            &["config.toml:10: buffer.flush_max_records: must be from 1", "not 0"],
            &[
                "config.toml:12: iceberg.catalog_type: must be \"rest\" or \"sql\", not \"sqlite\"; did you mean \"sql\"?",
            ],
            &["config.toml:15: iceberg.on_null_value: ", "did you mean \"row\"?"],
            &["config.toml:16: htp: unknown key; did you mean `http`?"],
            &["config.toml:19: log.level: must be ", "not true or false"],
            &["config.toml:20: log.zzzzzzzz: unknown key; known here: level, format"],
        ],
    );
}

#[test]
fn missing_keys_are_named_with_an_example() {
    assert_errors(
        &sources(""),
        &[
            &["iceberg.database: missing", "database = \"analytics\""],
            &["iceberg.table: missing"],
            &["kafka.bootstrap_servers: missing", "bootstrap_servers = \"localhost:9092\""],
            &["kafka.group_id: missing (or `cluster_name`)"],
            &["kafka.topic: missing"],
        ],
    );
}

#[test]
fn not_toml() {
    assert_errors(&sources("[kafka]\ntopic = events\n"), &[&["config.toml:2: not TOML: "]]);
}

#[test]
fn wrong_variables_and_flags_are_named() {
    let mut sources = with_variables(
        LOCAL,
        &[
            ("K2I__BUFFER__MAX_SIZE_MB", "lots"),
            ("K2I__BUFER__MAX_SIZE_MB", "1"),
            ("K2I__ICEBERG__REST_URL", "http://x"),
            ("K2I__TABLES__0", "x"),
            ("K2I__ICEBERG__COLUMNS", "x"),
        ],
    );
    sources.overrides = vec![Override { flag: "--data-dir", key: "data_dir", value: String::new() }];
    assert_errors(
        &sources,
        &[
            &["environment variable K2I__BUFER__MAX_SIZE_MB: bufer.max_size_mb: unknown key; did you mean `buffer`?"],
            &["environment variable K2I__BUFFER__MAX_SIZE_MB: buffer.max_size_mb: must be a whole number", "\"lots\""],
            &["K2I__ICEBERG__COLUMNS: iceberg.columns: can be set in the configuration file only"],
            &["K2I__ICEBERG__REST_URL: iceberg.rest_url: unknown key; did you mean `rest_uri`?"],
            &["K2I__TABLES__0: tables.0: [[tables]] can be set in the configuration file only"],
            &["--data-dir: data_dir: must not be empty"],
        ],
    );
}

#[test]
fn words_of_later_versions_are_known() {
    let cases = [
        ("iceberg", "catalog_type = \"glue\"", "\"glue\" is not in this version"),
        ("iceberg", "catalog_type = \"nessie\"", "\"nessie\" is not in this version"),
        ("iceberg", "catalog_type = \"hive\"", "\"hive\" is not in this version"),
        ("iceberg", "format = \"avro\"", "\"avro\" is not in this version"),
        ("iceberg", "sql_uri = \"postgres://x/y\"", "postgres is not in this version"),
        ("iceberg", "warehouse = \"gs://x/y\"", "gs:// storage is not in this version"),
        ("storage", "type = \"azure\"", "\"azure\" is not in this version"),
        ("storage", "type = \"gcs\"", "\"gcs\" is not in this version"),
    ];
    for (section, line, expected) in cases {
        let found = errors(&sources(&local_with(section, line)));
        assert!(found.iter().any(|error| error.contains(expected)), "{line}: {found:#?}");
    }
}

#[test]
fn values_that_cannot_be() {
    let cases = [
        ("kafka", "topics = [\"x\"]", "kafka.topics: stands beside `topic`"),
        (
            "kafka",
            "properties = { \"isolation.level\" = \"x\" }",
            "kafka.properties.isolation.level: cannot be set: K2I reads committed",
        ),
        ("kafka", "properties = { a = [1] }", "kafka.properties.a: must be text"),
        ("kafka", "properties = { \"sasl.password\" = \"env:NOPE\" }", "environment variable NOPE is not set"),
        ("kafka", "properties = { \"sasl.password\" = \"file:/nope\" }", "/nope cannot be read"),
        ("iceberg", "rest_uri = \"http://x\"", "iceberg.rest_uri: needs catalog_type = \"rest\", which is not set"),
        ("iceberg", "sql_uri = \"sqlite::memory:\"", "iceberg.sql_uri: needs a file"),
        ("iceberg", "warehouse = \"s3:///x\"", "names no bucket"),
        ("iceberg", "columns = []", "iceberg.columns: must not be empty"),
        ("iceberg", "columns = [{ name = \"a\" }]", "iceberg.columns[0]: a column needs a `type`"),
        ("iceberg", "columns = [{ name = \"a\", type = \"lng\" }]", "unknown type \"lng\"; did you mean \"long\"?"),
        ("iceberg", "columns = [{ name = \"a\", type = \"long\", requird = true }]", "did you mean \"required\"?"),
        (
            "iceberg",
            "columns = [{ name = \"a\", type = \"long\" }, { name = \"a\", type = \"int\" }]",
            "column \"a\" appears twice",
        ),
        ("iceberg", "columns = [{ name = \"_kafka_offset\", type = \"long\" }]", "_kafka_offset is added by"),
        ("storage", "bucket = \"b\"", "storage.bucket: needs type = \"s3\", which is not set"),
        ("storage", "type = \"s3\"", "iceberg.warehouse: missing, needed by catalog_type = \"sql\" on S3"),
        ("http", "health_address = \"localhost\"", "http.health_address: must be an IP address and a port"),
        ("http", "health_address = \"0.0.0.0:8080\"", "http.health_address: 0.0.0.0:8080"),
        ("http", "metrics_address = \"127.0.0.1:8080\"", "http.metrics_address: is also http.health_address"),
        ("tables", "topic = \"x\"", "must be written [[tables]]"),
    ];
    for (section, line, expected) in cases {
        let found = errors(&sources(&local_with(section, line)));
        assert_eq!(found.len(), 1, "{line}: {found:#?}");
        assert!(found[0].contains(expected) && found[0].starts_with("config.toml:"), "{line}: {found:#?}");
    }
    let cases = [
        ("a:9092", "a:90920", "is not host:port"),
        ("a:9092", "http//x:1", "is not host:port"),
        ("\"events\"", "\"ev ents\"", "is no topic name"),
        ("\"events\"", "\"..\"", "is no topic name"),
        ("\"db\"", "\"db..x\"", "iceberg.database: has an empty part"),
        ("\"t\"", "\"a.b\"", "iceberg.table: \"a.b\" contains '.'"),
        ("\"t\"", "\"../b\"", "iceberg.table"),
        ("\"g\"", "\"\"", "kafka.group_id: must not be empty"),
    ];
    for (from, to, expected) in cases {
        let found = errors(&sources(&LOCAL.replace(from, to)));
        assert!(found.len() == 1 && found[0].contains(expected), "{to}: {found:#?}");
    }
}

#[test]
fn the_file_itself_cannot_be_read() {
    let error = Sources::of_process(std::path::Path::new("/nope/config.toml"), vec![]).unwrap_err();
    assert!(error.to_string().starts_with("/nope/config.toml: cannot be read: "), "{error}");
}
