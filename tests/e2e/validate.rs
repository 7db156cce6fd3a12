//! `k2i validate --offline`: every mistake of a file at once, and nothing else happens.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::cache::workspace;
use k2i_tests::k2i::{self, Ended};
use k2i_tests::scene::{Scene, scene};

use super::feed::text;

const LIMIT: Duration = Duration::from_secs(30);
/// The configuration is wrong.
const WRONG: i32 = 2;

/// A mistake of every kind; a line that has one ends in its key and what is said of it.
const BROKEN: &str = r#"[kafka]
bootstrap_servers = "localhost:port"       # kafka.bootstrap_servers: "localhost:port" is not host:port
topic = "events"
group_id = "g"
properties = { "sasl.password" = "env:K2I_TEST_NOT_SET" } # kafka.properties.sasl.password: environment variable K2I_TEST_NOT_SET is not set
[buffer]
max_size_mb = "much"                       # buffer.max_size_mb: must be a whole number
flush_intervall_seconds = 5                # buffer.flush_intervall_seconds: unknown key; did you mean `flush_interval_seconds`?
[iceberg]
catalog_type = "sqll"                      # iceberg.catalog_type: must be "rest" or "sql", not "sqll"; did you mean "sql"?
database = "shop"
table = "a/b"                              # iceberg.table: "a/b" contains '/'
key_column = "_kafka_offset"               # iceberg.key_column: names the same column as iceberg.offset_column
[storage]
typ = "local"                              # storage.typ: unknown key; did you mean `type`?
[http]
health_address = "0.0.0.0:8080"            # http.health_address: 0.0.0.0:8080
"#;

#[test]
fn the_example_of_every_key_is_right() {
    scene("the_example_of_every_key_is_right", |scene| {
        let file = workspace().join("deploy/config.example.toml");
        validate(scene, text(&file)?)?.expect(0, &["config.example.toml is right: analytics.events"])
    });
}

#[test]
fn every_mistake_is_named_with_its_key_and_line() {
    scene("every_mistake_is_named_with_its_key_and_line", |scene| {
        let file = scene.path("broken.toml");
        let data = scene.path("data");
        fs::write(&file, format!("data_dir = {:?}\n{BROKEN}", text(&data)?))?;
        let file = text(&file)?;
        let ended = validate(scene, file)?;
        let mistakes: Vec<String> = (2..)
            .zip(BROKEN.lines())
            .filter_map(|(line, text)| Some(format!("{file}:{line}: {}", text.split_once(" # ")?.1.trim())))
            .collect();
        ended.expect(WRONG, &mistakes.iter().map(String::as_str).collect::<Vec<_>>())?;
        let said = ended.text.lines().filter(|line| line.starts_with(file)).count();
        ensure!(said == mistakes.len(), "{said} mistakes are named, not {}:\n{}", mistakes.len(), ended.text);
        ensure!(!data.exists(), "a check leaves no data folder behind");
        Ok(())
    });
}

fn validate(scene: &Scene, file: &str) -> Result<Ended> {
    k2i::run(scene, "validate", &["validate", "--offline", "--config", file], LIMIT).context("k2i validate")
}
