//! What is wrong is said: what, where, what to do, and with which exit code.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::{S3, Variable};
use k2i_tests::k2i::{self, IngestConfig, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use serde_json::Value;

use super::feed::{Feed, text};
use super::lake::wait_said;

/// How long a start that must fail may take to say so.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a process that runs may take to say what it lacks.
const SAID_LIMIT: Duration = Duration::from_secs(60);
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
        ingest(scene, &config.to_string())?.expect(FAILURE, &[&address, "port in use"])
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
        ingest(scene, &second.to_string())?.expect(FAILURE, &[folder, "in use by process"])?;
        running.kill()
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
        wait_said(&mut k2i, &[&config.bootstrap])?;
        k2i.drain().map(|_| ())
    });
}

#[test]
fn a_bucket_that_does_not_exist_is_named() {
    scene("a_bucket_that_does_not_exist_is_named", |scene| {
        let mut cloud = Cloud::lay(scene, "nobucket")?;
        let mut k2i = cloud.ingest(S3::shared()?.variables())?;
        cloud.expect_not_ready(&mut k2i, "storage", &[cloud.bucket, "NoSuchBucket"])?;
        wait_said(&mut k2i, &[TROUBLE, cloud.bucket, "NoSuchBucket"])?;

        // It comes into being, and nothing more is needed.
        S3::shared()?.create_bucket(cloud.bucket)?;
        k2i.wait_ready()?;
        k2i.drain().map(|_| ())
    });
}

#[test]
fn a_store_that_nobody_answers_for_is_named() {
    scene("a_store_that_nobody_answers_for_is_named", |scene| {
        let mut cloud = Cloud::lay(scene, "nostore")?;
        let address = format!("http://127.0.0.1:{}", ports::free()?);
        let mut k2i = cloud.ingest(S3::shared()?.variables_by(address.clone()))?;
        cloud.expect_not_ready(&mut k2i, "storage", &[cloud.bucket])?;
        wait_said(&mut k2i, &[TROUBLE, &address])?;
        k2i.drain().map(|_| ())
    });
}

#[test]
fn a_catalog_that_nobody_answers_for_is_named() {
    scene("a_catalog_that_nobody_answers_for_is_named", |scene| {
        let mut cloud = Cloud::lay(scene, "nocatalog")?;
        let address = format!("http://127.0.0.1:{}", ports::free()?);
        cloud.catalog = format!("catalog_type = \"rest\"\nrest_uri = {address:?}");
        let mut k2i = cloud.ingest(S3::shared()?.variables())?;
        cloud.expect_not_ready(&mut k2i, "catalog", &[&address])?;
        wait_said(&mut k2i, &[TROUBLE, &address])?;
        k2i.drain().map(|_| ())
    });
}

/// What is said, once, of a catalog or a store that does not do what it should.
const TROUBLE: &str = "the catalog or its store is in trouble";

/// A topic with a record, and a table for it in a bucket.
struct Cloud<'a> {
    scene: &'a Scene,
    feed: Feed<'a>,
    bucket: &'a str,
    /// Lines of `[iceberg]` that name the catalog.
    catalog: String,
    promise: Promise,
}

impl<'a> Cloud<'a> {
    fn lay(scene: &'a Scene, bucket: &'a str) -> Result<Self> {
        let feed = Feed::create(scene, bucket, 1)?;
        feed.send(0, Some(r#"{"number":1}"#))?;
        let database = scene.path("catalog.db");
        let catalog = format!("catalog_type = \"sql\"\nsql_uri = \"sqlite:{}\"", text(&database)?);
        let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: 256 };
        Ok(Self { scene, feed, bucket, catalog, promise })
    }

    fn ingest(&mut self, variables: Vec<Variable>) -> Result<K2i> {
        let Self { scene, feed, bucket, catalog, promise } = self;
        let (file, data) = (scene.path("k2i.toml"), scene.path("data"));
        let config = format!(
            r#"data_dir = "{data}"

[kafka]
bootstrap_servers = "{bootstrap}"
topic = "{bucket}"
group_id = "{bucket}"

[iceberg]
{catalog}
warehouse = "s3://{bucket}/house"
database = "shop"
table = "orders"

[storage]
type = "s3"

[http]
health_address = "127.0.0.1:{health}"
metrics_address = "127.0.0.1:{metrics}"
"#,
            data = text(&data)?,
            bootstrap = feed.bootstrap(),
            health = promise.health_port,
            metrics = promise.metrics_port,
        );
        fs::write(&file, config)?;
        let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
        command.envs(variables);
        let mut k2i = K2i::start(scene, "k2i", command, promise)?;
        k2i.wait_live()?;
        Ok(k2i)
    }

    /// 503, with this check among those that wait, and what it says.
    fn expect_not_ready(&self, k2i: &mut K2i, check: &str, words: &[&str]) -> Result<()> {
        until(&format!("/readyz to say what {check} lacks"), SAID_LIMIT, || {
            k2i.expect_running()?;
            let answer = k2i.health("/readyz")?;
            ensure!(answer.status == 503, "ready without it: {} {}", answer.status, answer.body);
            let body: Value = serde_json::from_str(&answer.body)?;
            let waits = &body["checks"][check];
            ensure!(waits["ready"] == false, "{check} is said to be well: {body}");
            let detail = waits["detail"].as_str().context("a check has a detail")?;
            let says = words.iter().all(|word| detail.contains(word));
            Ok(if says { Look::Done(()) } else { Look::NotYet(body.to_string()) })
        })
    }
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
