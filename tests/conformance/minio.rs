//! The suite of stores on MinIO, for whoever asks: it takes long to build, so the other tests do without it.
//!
//! `make components-minio` builds it (once, some 25 minutes); then `K2I_MINIO=1 make test` runs this too, on a server of its
//! own. Without `K2I_MINIO` nothing is tested here, and that is said.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_lakehouse::storage::conformance::Suite;
use k2i_lakehouse::storage::{S3Settings, StorageSettings, Store, UploadMemory};
use k2i_lakehouse::{Secret, with_sources};
use k2i_tests::process::{Process, forget};
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use k2i_tests::{components, http, ports};

use super::runtime;

/// Asks for these tests.
const ASKED: &str = "K2I_MINIO";
const KEYS: (&str, &str) = ("k2i-access", "k2i-secret-key");
const BUCKET: &str = "suite";
const START_LIMIT: Duration = Duration::from_secs(60);
const UPLOADS: u64 = 8 << 20;

#[test]
fn a_store_on_minio_conforms() {
    if std::env::var_os(ASKED).is_none() {
        println!("{ASKED} is not set, so MinIO is left out");
        return;
    }
    scene("a_store_on_minio_conforms", |scene| {
        // A bucket is a folder of its data.
        fs::create_dir_all(scene.path("data").join(BUCKET))?;
        let (_server, port) = start(scene)?;
        let store = |secret: &str| {
            Store::new(StorageSettings {
                s3: S3Settings {
                    endpoint: Some(format!("http://127.0.0.1:{port}")),
                    region: Some("us-east-1".to_owned()),
                    access_key_id: Some(KEYS.0.to_owned()),
                    secret_access_key: Some(Secret::new(secret)),
                    ..S3Settings::default()
                },
                uploads: UploadMemory::new(UPLOADS),
                ..StorageSettings::default()
            })
        };
        let (root, folder) = (format!("s3://{BUCKET}/tables"), scene.path("files"));
        fs::create_dir(&folder)?;
        runtime()?.block_on(async {
            let good = store(KEYS.1);
            Suite { store: &good, root: &root, folder: &folder, parts: true }.run().await;
            let error = store("another").put(&format!("{root}/x"), "x".into()).await.unwrap_err();
            ensure!(with_sources(&error).contains("does not belong to the access key"), "{}", with_sources(&error));
            Ok(())
        })
    })
}

fn start(scene: &Scene) -> Result<(Process, u16)> {
    let port = ports::free()?;
    let mut command = Command::new(components::minio()?);
    forget(&mut command, "MINIO_");
    command.args(["server", "--quiet", "--address", &format!("127.0.0.1:{port}")]).arg(scene.path("data"));
    command.env("MINIO_ROOT_USER", KEYS.0).env("MINIO_ROOT_PASSWORD", KEYS.1);
    command.env("MINIO_BROWSER", "off").env("MINIO_UPDATE", "off");
    let mut process = Process::spawn("minio", &scene.logs(), command).context("MinIO")?;
    until("MinIO to start", START_LIMIT, || {
        process.expect_running()?;
        Ok(match http::get(port, "/minio/health/ready") {
            Ok(answer) if answer.status == 200 => Look::Done(()),
            Ok(answer) => Look::NotYet(answer.status.to_string()),
            Err(error) => Look::NotYet(format!("{error:#}")),
        })
    })?;
    Ok((process, port))
}
