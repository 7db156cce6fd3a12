//! What is wrong is said: what, where, what to do, and with which exit code.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::k2i::{self, IngestConfig, K2i};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};

/// How long a start that must fail may take to say so.
const LIMIT: Duration = Duration::from_secs(30);
/// The configuration is wrong.
const USAGE: i32 = 2;
/// Something else is: the machine, a server.
const FAILURE: i32 = 1;

#[test]
fn an_unknown_key_is_named_with_its_neighbour() {
    scene("an_unknown_key_is_named_with_its_neighbour", |scene| {
        let config = nowhere(scene)?.to_string().replace("flush_interval_seconds", "flush_intervall_seconds");
        let line = line_of(&config, "flush_intervall_seconds")?;
        let place = format!("config.toml:{line}:");
        ingest(scene, &config)?.expect(USAGE, &["flush_intervall_seconds", "`flush_interval_seconds`", &place])
    });
}

#[test]
fn every_error_of_a_file_is_said_at_once() {
    scene("every_error_of_a_file_is_said_at_once", |scene| {
        let config = nowhere(scene)?.to_string().replace("max_size_mb = 256", "max_size_mb = \"much\"");
        let config = config.replace("catalog_type = \"sql\"", "catalog_type = \"sqll\"");
        let lines = [line_of(&config, "max_size_mb")?, line_of(&config, "catalog_type")?];
        let places = lines.map(|line| format!("config.toml:{line}:"));
        let ended = ingest(scene, &config)?;
        ended.expect(USAGE, &["buffer.max_size_mb", "iceberg.catalog_type", &places[0], &places[1]])?;
        ensure!(!scene.path("data").exists(), "a refused configuration leaves no data folder behind");
        Ok(())
    });
}

#[test]
fn a_missing_file_is_named() {
    scene("a_missing_file_is_named", |scene| {
        let file = scene.path("none.toml");
        let file = file.to_str().context("the cache folder's name is text")?;
        k2i::run(scene, "k2i", &["ingest", "--config", file], LIMIT)?.expect(USAGE, &[file])
    });
}

#[test]
fn two_tables_into_one_are_refused() {
    scene("two_tables_into_one_are_refused", |scene| {
        let shared = nowhere(scene)?.to_string();
        let own = ["topic = ", "database = ", "table = "];
        let shared: Vec<&str> = shared.lines().filter(|line| !own.iter().any(|key| line.starts_with(key))).collect();
        let table = |topic: &str| format!("\n[[tables]]\ntopic = {topic:?}\ndatabase = \"shop\"\ntable = \"orders\"\n");
        let config = shared.join("\n") + &table("orders-eu") + &table("orders-us");
        ingest(scene, &config)?.expect(USAGE, &["shop.orders", "tables[1]"])
    });
}

#[test]
fn a_port_in_use_is_named() {
    scene("a_port_in_use_is_named", |scene| {
        let config = nowhere(scene)?;
        let _holder = TcpListener::bind(("127.0.0.1", config.metrics_port))?;
        let address = format!("127.0.0.1:{}", config.metrics_port);
        ingest(scene, &config.to_string())?.expect(FAILURE, &[&address, "in use"])
    });
}

#[test]
fn a_data_folder_in_use_is_named() {
    scene("a_data_folder_in_use_is_named", |scene| {
        let first = nowhere(scene)?;
        let mut running = K2i::ingest(scene, "first", &first, &[])?;
        running.wait_live()?;
        let second = IngestConfig { health_port: ports::free()?, metrics_port: ports::free()?, ..first };
        let folder = second.data_dir.to_str().context("the cache folder's name is text")?;
        ingest(scene, &second.to_string())?.expect(FAILURE, &[folder, "in use"])?;
        running.expect_running()
    });
}

#[test]
fn an_unreachable_broker_is_retried_aloud() {
    scene("an_unreachable_broker_is_retried_aloud", |scene| {
        let config = nowhere(scene)?;
        let mut k2i = K2i::ingest(scene, "k2i", &config, &[])?;
        k2i.wait_live()?;
        let ready = k2i.health("/readyz")?;
        ensure!(ready.status == 503, "ready without a broker: {} {}", ready.status, ready.body);
        ensure!(ready.body.to_lowercase().contains("kafka"), "/readyz does not say what it lacks: {}", ready.body);
        std::thread::sleep(Duration::from_secs(3));
        k2i.expect_running()?;
        ensure!(k2i.log().contains(&config.bootstrap), "the log does not name {}", config.bootstrap);
        k2i.drain().map(|_| ())
    });
}

/// A configuration that is right, with a broker where nobody listens.
fn nowhere(scene: &Scene) -> Result<IngestConfig> {
    IngestConfig::new(scene, &format!("127.0.0.1:{}", ports::free()?))
}

fn ingest(scene: &Scene, config: &str) -> Result<k2i::Ended> {
    let file = scene.path("config.toml");
    fs::write(&file, config)?;
    let file = file.to_str().context("the cache folder's name is text")?;
    k2i::run(scene, "k2i", &["ingest", "--config", file], LIMIT)
}

/// The line of a file's text, from 1, that has `word`.
fn line_of(text: &str, word: &str) -> Result<usize> {
    let at = text.lines().position(|line| line.contains(word)).with_context(|| format!("no {word} in the file"))?;
    Ok(at + 1)
}
