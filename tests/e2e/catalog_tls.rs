//! A REST catalog behind TLS, with the certificate of a company's own authority: trusted where the system's store says so,
//! refused with its reason where it does not.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::cache::workspace;
use k2i_tests::components::{Certificates, Identity, Python, RestCatalog, S3};
use k2i_tests::k2i::{self, K2i, Promise};
use k2i_tests::ports;
use k2i_tests::process::Process;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use serde_json::Value;

use super::feed::{Feed, text};
use super::table::Table;

const ORDERS: u32 = 500;
const TABLE: &str = "analytics.behind_tls";
const MAX_SIZE_MB: u64 = 500;
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_catalog_behind_tls() {
    scene("a_catalog_behind_tls", |scene| {
        let mut feed = Feed::create(scene, "behind-tls", 1)?;
        let tally = feed.produce(ORDERS)?;
        let certificates = Certificates::new(scene.path("certificates"))?;
        let ours = certificates.issue("ca", "ours", "localhost", "subjectAltName=IP:127.0.0.1")?;
        let elsewhere = certificates.issue("ca", "elsewhere", "elsewhere", "subjectAltName=DNS:elsewhere.example")?;
        let authority = certificates.file("ca.pem");

        let (_front, port) = front(scene, &ours)?;
        let (_wrong, wrong) = front(scene, &elsewhere)?;
        refused(scene, "stranger", &feed, port, None, "UnknownIssuer")?;
        refused(scene, "elsewhere", &feed, wrong, Some(&authority), "certificate not valid for name")?;

        let mut k2i = ingest(scene, "trusted", &feed, port, Some(&authority))?;
        k2i.wait_ready()?;
        let table = Table::in_rest(RestCatalog::shared()?, S3::shared()?, TABLE);
        table.wait_rows(scene, u64::from(ORDERS))?;
        table.check_exact(scene, feed.acks(), &tally)?;
        k2i.drain().map(|_| ())
    });
}

/// A TLS front of the shared catalog, and its port.
fn front(scene: &Scene, identity: &Identity) -> Result<(Process, u16)> {
    let catalog = RestCatalog::shared()?.port().to_string();
    let args = [catalog.as_str(), text(&identity.certificate)?, text(&identity.key)?];
    let mut process = Python::shared()?.start(scene, "tls_front.py", &args)?;
    let port = until("the TLS front to listen", LIMIT, || {
        process.expect_running()?;
        let printed: Option<Value> = serde_json::from_str(&process.output()).ok();
        Ok(printed.and_then(|said| said["port"].as_u64()).map_or_else(|| Look::NotYet(String::new()), Look::Done))
    })?;
    Ok((process, u16::try_from(port).context("a port")?))
}

/// `/readyz` says of the catalog what is wrong with its certificate, and the log does too.
fn refused(scene: &Scene, name: &str, feed: &Feed, port: u16, authority: Option<&Path>, says: &str) -> Result<()> {
    let mut k2i = ingest(scene, name, feed, port, authority)?;
    k2i.wait_live()?;
    until(&format!("/readyz to say {says:?}"), LIMIT, || {
        k2i.expect_running()?;
        let answer = k2i.health("/readyz")?;
        ensure!(answer.status == 503, "ready without a catalog: {} {}", answer.status, answer.body);
        let body: Value = serde_json::from_str(&answer.body)?;
        let detail = body["checks"]["catalog"]["detail"].as_str().unwrap_or_default();
        let said = detail.contains(says) && k2i.log().contains(says);
        Ok(if said { Look::Done(()) } else { Look::NotYet(format!("{body}\n{}", k2i.log())) })
    })?;
    k2i.drain().map(|_| ())
}

fn ingest(scene: &Scene, name: &str, feed: &Feed, port: u16, authority: Option<&Path>) -> Result<K2i> {
    let file = workspace().join("deploy/quickstart.toml");
    let promise = Promise { health_port: ports::free()?, metrics_port: ports::free()?, max_size_mb: MAX_SIZE_MB };
    let mut command = k2i::command(&["ingest", "--config", text(&file)?])?;
    command
        .envs(S3::shared()?.variables())
        .env("K2I__DATA_DIR", scene.path(&format!("data-{name}")))
        .env("K2I__KAFKA__BOOTSTRAP_SERVERS", feed.bootstrap())
        .env("K2I__KAFKA__TOPIC", feed.topic())
        .env("K2I__KAFKA__GROUP_ID", feed.topic())
        .env("K2I__ICEBERG__REST_URI", format!("https://127.0.0.1:{port}"))
        .env("K2I__ICEBERG__TABLE", TABLE.rsplit('.').next().unwrap_or_default())
        .env("K2I__BUFFER__FLUSH_INTERVAL_SECONDS", "1")
        .env("K2I__HTTP__HEALTH_ADDRESS", format!("127.0.0.1:{}", promise.health_port))
        .env("K2I__HTTP__METRICS_ADDRESS", format!("127.0.0.1:{}", promise.metrics_port));
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    if let Some(authority) = authority {
        command.env("SSL_CERT_FILE", authority);
    }
    K2i::start(scene, name, command, &promise)
}
