//! That the parts behind a port, real ones and fakes, do what the port promises.
//!
//! A port's suite stands beside the port and is run on its fakes there. Here it runs on what needs a server, against
//! somebody else's implementation:
//!
//! | port | its suite | here on | beside the port on |
//! |---|---|---|---|
//! | `CatalogBackend` | `k2i_lakehouse::catalog::conformance` | [`catalogs`]: Iceberg's REST server; Java's `JdbcCatalog` and our SQL catalog on one database | memory, SQLite, a scripted REST server |
//! | `Store` | `k2i_lakehouse::storage::conformance` | [`stores`]: S3; [`s3_keys`]: one that checks keys; [`minio`], when asked | memory, a local folder |
//! | `RecordSource`, `KafkaControl` | `k2i_worker::kafka::conformance` | [`kafka_ports`]: Apache Kafka | memory, librdkafka's mock cluster |
//!
//! What stays with the fakes, since no server does it on demand: elections of another leader, answers that get lost,
//! refusals for want of a right, pauses that a catalog asks for.
//!
//! [`kafka`] and [`s3`] show what the other tests rely on in those two servers, by clients that are not K2I's.

mod catalogs;
mod kafka;
mod kafka_ports;
mod minio;
mod s3;
mod s3_keys;
mod stores;

use anyhow::{Context, Result};
use k2i_lakehouse::Secret;
use k2i_lakehouse::storage::{S3Settings, StorageSettings, Store, UploadMemory};
use k2i_tests::components::S3;
use tokio::runtime::Runtime;

fn runtime() -> Result<Runtime> {
    Runtime::new().context("no runtime for the test")
}

/// K2I's own view of a store that speaks S3, with so many bytes for its uploads.
fn store_on(s3: &S3, uploads: u64) -> Store {
    let (key, secret) = S3::KEYS;
    Store::new(StorageSettings {
        s3: S3Settings {
            endpoint: Some(s3.url()),
            region: Some("us-east-1".to_owned()),
            access_key_id: Some(key.to_owned()),
            secret_access_key: Some(Secret::new(secret)),
            ..S3Settings::default()
        },
        uploads: UploadMemory::new(uploads),
        ..StorageSettings::default()
    })
}
