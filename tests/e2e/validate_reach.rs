//! `k2i validate` against real servers that are well: all is found, and nothing is left behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use k2i_tests::components::{Python, RestCatalog, S3, Variable};
use k2i_tests::gate::{Gate, Way};
use k2i_tests::http;
use k2i_tests::k2i::{self, IngestConfig, K2i};
use k2i_tests::ports;
use k2i_tests::process::Process;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use rustix::process::Signal;
use serde_json::Value;

use super::feed::{Feed, text};
use super::table::Table;

const LIMIT: Duration = Duration::from_secs(90);
const ORDERS: u32 = 1_000;
/// What every check and the report around them say; no more, no less.
const KEYS: [&str; 6] = ["system", "subject", "check", "status", "detail", "advice"];

/// A report, as `--format json` gives it.
pub struct Report {
    /// The exit code.
    pub code: Option<i32>,
    value: Value,
}

impl Report {
    /// Runs `k2i validate --format json` on a file with these further arguments and variables.
    pub fn of(scene: &Scene, name: &str, file: &Path, args: &[&str], variables: &[Variable]) -> Result<Self> {
        let mut command = k2i::command(&["validate", "--format", "json", "--config", text(file)?])?;
        command.args(args).envs(variables.iter().map(|(name, value)| (name, value)));
        let mut process = Process::spawn(name, &scene.logs(), command)?;
        let code = process.wait(LIMIT)?.code();
        let printed = process.output();
        let value = serde_json::from_str(&printed)
            .with_context(|| format!("it printed no JSON: {printed:?}, and said: {}", process.errors()))?;
        let report = Self { code, value };
        report.check_shape()?;
        Ok(report)
    }

    fn check_shape(&self) -> Result<()> {
        ensure!(self.value["config"].is_string() && self.value["ok"].is_boolean(), "no report: {}", self.value);
        for check in self.checks()? {
            let keys: Vec<&str> =
                check.as_object().context("a check is an object")?.keys().map(String::as_str).collect();
            ensure!(
                keys == KEYS && check.as_object().is_some_and(|check| check.values().all(Value::is_string)),
                "{check}"
            );
        }
        Ok(())
    }

    /// The checks.
    pub fn checks(&self) -> Result<&Vec<Value>> {
        self.value["checks"].as_array().context("a report lists checks")
    }

    /// Checks that a check came out so, with this in its detail.
    pub fn expect(&self, system: &str, check: &str, status: &str, detail: &str) -> Result<()> {
        let named: Vec<&Value> =
            self.checks()?.iter().filter(|found| found["system"] == system && found["check"] == check).collect();
        let says = |found: &&&Value| {
            found["status"] == status && found["detail"].as_str().is_some_and(|text| text.contains(detail))
        };
        if named.iter().find(says).is_none() {
            bail!("no {system} check {check} is {status} and says {detail:?}: {named:#?}");
        }
        Ok(())
    }

    /// Checks that all is well: the exit code, and every check; the probe alone may wait for its namespace.
    pub fn expect_well(&self) -> Result<()> {
        let waits = |check: &Value| check["check"] == "stale commits" && check["status"] == "skipped";
        let unwell = |check: &&Value| check["status"] != "ok" && !waits(check);
        let others: Vec<&Value> = self.checks()?.iter().filter(unwell).collect();
        ensure!(others.is_empty(), "not all is well: {others:#?}");
        ensure!(self.code == Some(0) && self.value["ok"] == true, "code {:?}: {}", self.code, self.value);
        Ok(())
    }

    /// Checks that these are the failed ones, by system and check, and that each says what to do.
    pub fn expect_failed(&self, failed: &[(&str, &str)]) -> Result<()> {
        let found: Vec<&Value> = self.checks()?.iter().filter(|check| check["status"] == "failed").collect();
        let names = found.iter().map(|check| (check["system"].as_str(), check["check"].as_str()));
        let mut names: Vec<_> = names.filter_map(|(system, check)| system.zip(check)).collect();
        names.sort_unstable();
        names.dedup();
        let mut wanted = failed.to_vec();
        wanted.sort_unstable();
        ensure!(names == wanted, "failed are {names:?}, not {wanted:?}: {found:#?}");
        ensure!(found.iter().all(|check| check["advice"] != ""), "it does not say what to do: {found:#?}");
        ensure!(self.code == Some(1) && self.value["ok"] == false, "code {:?}: {}", self.code, self.value);
        Ok(())
    }
}

#[test]
fn validate_finds_a_local_lake_well() {
    scene("validate_finds_a_local_lake_well", |scene| {
        let mut feed = Feed::create(scene, scene.name(), 2)?;
        let config = IngestConfig::new(scene, feed.bootstrap())?;
        let file = config.write(scene, "validate.toml")?;
        let empty = Report::of(scene, "validate-empty", &file, &[], &[])?;
        empty.expect_well()?;
        empty.expect("kafka", "read records", "ok", "there is no record yet; the brokers allow reading")?;

        let tally = feed.produce(ORDERS)?;
        let before = Report::of(scene, "validate-before", &file, &[], &[])?;
        before.expect_well()?;
        before.expect("kafka", "brokers", "ok", "1 broker, cluster ")?;
        before.expect("kafka", "topic", "ok", "2 partitions, id ")?;
        before.expect("kafka", "log ends", "ok", &format!("{ORDERS} offsets"))?;
        before.expect("kafka", "read records", "ok", "read a record of partition")?;
        before.expect("kafka", "publish offsets", "ok", "the brokers allow it")?;
        before.expect("catalog", "answers", "ok", "will be made by ingest")?;
        before.expect("store", "never overwrite", "ok", "refused")?;
        before.expect("machine", "data folder", "ok", "ingest will make it")?;
        for made in [&config.data_dir, &config.catalog, &config.warehouse] {
            ensure!(!made.exists(), "{} was made", made.display());
        }
        expect_no_probe(&scene.path(""))?;
        let published = feed.published(&config.group_id)?;
        ensure!(published.is_empty(), "offsets were published: {published:?}");

        let table = Table::in_sqlite(&config.catalog, &config.full_table())?;
        let k2i = K2i::ingest(scene, "k2i", &config, &[])?;
        table.wait_rows(scene, u64::from(ORDERS))?;
        let beside = Report::of(scene, "validate-beside", &file, &[], &[])?;
        beside.expect_well()?;
        beside.expect("machine", "data folder", "ok", &format!("process {} works on it", k2i.id()))?;
        beside.expect("machine", "port", "ok", "as it should be while ingest runs")?;
        beside.expect("catalog", "namespace", "ok", "it exists")?;
        beside.expect("catalog", "stale commits", "ok", "they are refused")?;
        beside.expect("catalog", "table", "ok", "format version 2")?;
        beside.expect("catalog", "can be written", "ok", "")?;
        beside.expect("catalog", "whose it is", "ok", &format!("ours: cluster name {}", config.group_id))?;
        k2i.drain()?;
        table.check_exact(scene, feed.acks(), &tally)?;
        expect_no_probe(&scene.path(""))
    });
}

#[test]
fn validate_finds_a_cloud_lake_well() {
    scene("validate_finds_a_cloud_lake_well", |scene| {
        let (catalog, s3) = (RestCatalog::shared()?, S3::shared()?);
        let feed = Feed::create(scene, scene.name(), 1)?;
        feed.send(0, Some(r#"{"number":1}"#))?;
        let file = cloud(scene, feed.bootstrap(), &catalog.url(), RestCatalog::WAREHOUSE)?;
        let namespaces = http::get(catalog.port(), "/v1/namespaces")?.body;
        let report = Report::of(scene, "validate", &file, &[], &s3.variables())?;
        report.expect_well()?;
        report.expect("catalog", "answers", "ok", "rest ")?;
        report.expect("catalog", "clock", "ok", "")?;
        report.expect("catalog", "namespace", "ok", "it will be made by ingest")?;
        report.expect("catalog", "stale commits", "skipped", "where the namespace exists")?;
        report.expect("catalog", "table", "ok", "ingest will create it")?;
        report.expect("store", "clock", "ok", "")?;
        report.expect("store", "write", "ok", "")?;
        report.expect("store", "delete", "ok", "")?;
        let shown = format!("{:?}", report.checks()?);
        ensure!(!shown.contains(S3::KEYS.1), "a secret is shown");
        ensure!(!objects(s3, "my-bucket")?.contains("k2i-validate"), "the probe is still there");
        let after = http::get(catalog.port(), "/v1/namespaces")?.body;
        ensure!(!after.contains(scene.name()), "a namespace was made; before: {namespaces}, after: {after}");
        Ok(())
    });
}

#[test]
fn validate_broken_off_leaves_nothing() {
    scene("validate_broken_off_leaves_nothing", |scene| {
        const BUCKET: &str = "broken-off";
        let s3 = S3::shared()?;
        s3.create_bucket(BUCKET)?;
        let gate = Gate::to(s3.port())?;
        gate.set(Way::NothingBack);
        let nobody = format!("http://127.0.0.1:{}", ports::free()?);
        let kafka = format!("127.0.0.1:{}", ports::free()?);
        let file = cloud(scene, &kafka, &nobody, &format!("s3://{BUCKET}/house"))?;
        let mut command = k2i::command(&["validate", "--config", text(&file)?])?;
        command.envs(s3.variables_by(gate.url()));
        let mut validate = Process::spawn("validate", &scene.logs(), command)?;
        until("the probe to be written", LIMIT, || {
            validate.expect_running()?;
            let listed = objects(s3, BUCKET)?;
            Ok(if listed.contains("k2i-validate") { Look::Done(()) } else { Look::NotYet(listed) })
        })?;
        validate.signal(Signal::INT)?;
        gate.set(Way::Open);
        let status = validate.wait(LIMIT)?;
        ensure!(status.code() == Some(1), "it ended with {status}: {}", validate.tail());
        ensure!(validate.errors().contains("interrupted: not everything was checked"), "{}", validate.tail());
        ensure!(!objects(s3, BUCKET)?.contains("k2i-validate"), "the probe is still there: {}", validate.tail());
        Ok(())
    });
}

#[test]
fn validate_shows_a_table_on_a_terminal() {
    scene("validate_shows_a_table_on_a_terminal", |scene| {
        let config = IngestConfig::new(scene, &format!("127.0.0.1:{}", ports::free()?))?;
        let file = config.write(scene, "k2i.toml")?;
        let command = [text(k2i::binary()?)?, "validate", "--timeout", "5", "--config", text(&file)?];
        let args = [&["nothing ends it"], &command[..]].concat();
        let shown = Python::shared()?.ask(scene, "on_terminal.py", &args)?;
        ensure!(shown["status"] == 1, "it ended with {}", shown["status"]);
        let lines: Vec<&str> =
            shown["lines"].as_array().context("a screen")?.iter().filter_map(Value::as_str).collect();
        let line = |words: &[&str]| lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
        ensure!(line(&["failed", "kafka", &config.bootstrap, "brokers"]), "{lines:#?}");
        ensure!(line(&["→"]) && line(&["ok", "store", "delete"]) && line(&["1 check failed"]), "{lines:#?}");
        ensure!(lines.iter().any(|line| line.contains('═')), "no table: {lines:#?}");
        Ok(())
    });
}

/// A configuration with a REST catalog and S3.
pub fn cloud(scene: &Scene, bootstrap: &str, catalog: &str, warehouse: &str) -> Result<std::path::PathBuf> {
    let file = scene.path("cloud.toml");
    let (data, name) = (scene.path("data"), scene.name());
    let config = format!(
        "data_dir = {data:?}\n[kafka]\nbootstrap_servers = {bootstrap:?}\ntopic = {name:?}\ngroup_id = {name:?}\n\
         [iceberg]\ncatalog_type = \"rest\"\nrest_uri = {catalog:?}\nwarehouse = {warehouse:?}\ndatabase = {name:?}\n\
         table = \"orders\"\n[storage]\ntype = \"s3\"\n\
         [http]\nhealth_address = \"127.0.0.1:{}\"\nmetrics_address = \"127.0.0.1:{}\"\n",
        ports::free()?,
        ports::free()?,
    );
    fs::write(&file, config)?;
    Ok(file)
}

/// The names in a bucket, as the store lists them.
fn objects(s3: &S3, bucket: &str) -> Result<String> {
    Ok(http::get(s3.port(), &format!("/{bucket}?list-type=2"))?.body)
}

/// No probe is left in a folder, or below it.
fn expect_no_probe(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        ensure!(!path.to_string_lossy().contains(".k2i-validate-"), "{} is still there", path.display());
        if path.is_dir() {
            expect_no_probe(&path)?;
        }
    }
    Ok(())
}
