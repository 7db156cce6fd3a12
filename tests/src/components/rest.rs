//! Iceberg's own REST catalog server, the reference implementation, with its tables in SQLite and its files on S3, or on
//! disk.
//!
//! Ready in about three seconds, with some 130 MB. It listens on all interfaces and cannot be told otherwise, and it asks
//! nobody who they are: only for machines that nobody else reaches.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};

use super::S3;
use crate::process::{Process, forget};
use crate::{cache, ports};

/// The shared catalog's folder in the run folder.
pub(super) const SHARED: &str = "rest";

const BUCKET: &str = "my-bucket";
const REGION: &str = "us-east-1";
/// How often a start is tried when another process takes the chosen port first.
const TRIES: usize = 3;
/// Quick to start and small, rather than fast for long.
const JVM: [&str; 6] = [
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
];

/// A running catalog. Dropping it kills it; its tables stay in the folder that it was started with.
pub struct RestCatalog {
    _process: Process,
    port: u16,
}

/// Where a catalog listens.
#[derive(Debug, Clone, Copy)]
pub enum Listening {
    /// On a port that is free.
    Anywhere,
    /// On this port: of a catalog that was not there yet, or is no more.
    On(u16),
}

impl RestCatalog {
    /// Under which its tables stand in its database. Whoever works on the same database calls the catalog so too.
    pub const NAME: &str = "rest_backend";

    /// The warehouse of the shared catalog, on the shared store.
    pub const WAREHOUSE: &str = "s3://my-bucket/warehouse";

    /// The catalog that all tests of this process share, started by whoever asks first, on [`S3::shared`]. Namespaces
    /// keep tests apart.
    ///
    /// # Errors
    /// It or its store could not be installed or started.
    pub fn shared() -> Result<&'static Self> {
        static CATALOG: OnceLock<std::result::Result<RestCatalog, String>> = OnceLock::new();
        let started = CATALOG.get_or_init(|| {
            let start = || {
                let s3 = S3::shared()?;
                s3.create_bucket(BUCKET)?;
                Self::start(&cache::run_dir()?.join(SHARED), s3, Self::WAREHOUSE, Listening::Anywhere)
            };
            start().map_err(|error| format!("{error:#}"))
        });
        started.as_ref().map_err(|error| anyhow::anyhow!("no REST catalog: {error}"))
    }

    /// The SQLite file of a catalog that is started with `folder`; made by it, if it is not there.
    #[must_use]
    pub fn database(folder: &Path) -> PathBuf {
        folder.join("catalog.db")
    }

    /// Starts a catalog of its own with its tables and logs in `folder`. The warehouse's bucket has to exist.
    ///
    /// # Errors
    /// It could not be installed, or did not get ready.
    pub fn start(folder: &Path, s3: &S3, warehouse: &str, listening: Listening) -> Result<Self> {
        Self::start_on(folder, Some(s3), warehouse, listening)
    }

    /// Starts a catalog of its own whose tables are in `folder` with all their files, in [`RestCatalog::local`].
    ///
    /// # Errors
    /// It could not be installed, or did not get ready.
    pub fn start_local(folder: &Path) -> Result<Self> {
        Self::start_on(folder, None, &Self::local(folder), Listening::Anywhere)
    }

    /// The warehouse of a catalog that was started with [`RestCatalog::start_local`].
    #[must_use]
    pub fn local(folder: &Path) -> String {
        format!("file://{}", folder.join("warehouse").display())
    }

    fn start_on(folder: &Path, s3: Option<&S3>, warehouse: &str, listening: Listening) -> Result<Self> {
        let jars = super::installed("rest")?.join("jars/*");
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for _ in 0..TRIES {
            let port = match listening {
                Listening::Anywhere => ports::free()?,
                Listening::On(port) => port,
            };
            let command = command(&jars, folder, s3, warehouse, port);
            let mut process = Process::spawn("rest", &folder.join("logs"), command)?;
            if super::answers(&mut process, port, "/v1/config")? {
                return Ok(Self { _process: process, port });
            }
            ensure!(matches!(listening, Listening::Anywhere), "port {port} is taken by somebody else");
            eprintln!("the port for the REST catalog was taken by somebody else, trying another");
        }
        bail!("found no port for the REST catalog in {TRIES} tries")
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Catalog properties are variables: `CATALOG_` and the name, `_` for a dot, `__` for a hyphen.
fn command(jars: &Path, folder: &Path, s3: Option<&S3>, warehouse: &str, port: u16) -> Command {
    let mut command = Command::new("java");
    command.args(JVM).arg("-cp").arg(jars).arg("org.apache.iceberg.rest.RESTCatalogServer");
    for prefix in ["CATALOG_", "AWS_"] {
        forget(&mut command, prefix);
    }
    command
        .env("CATALOG_REST_PORT", port.to_string())
        // By default in memory, where tables end with the process.
        .env("CATALOG_URI", format!("jdbc:sqlite:{}", RestCatalog::database(folder).display()))
        .env("CATALOG_CATALOG_NAME", RestCatalog::NAME)
        .env("CATALOG_JDBC_SCHEMA__VERSION", "V1")
        .env("CATALOG_WAREHOUSE", warehouse);
    match s3 {
        Some(s3) => command
            .env("CATALOG_IO__IMPL", "org.apache.iceberg.aws.s3.S3FileIO")
            .env("CATALOG_S3_ENDPOINT", s3.url())
            .env("CATALOG_S3_PATH__STYLE__ACCESS", "true")
            .env("AWS_REGION", REGION)
            .envs(s3.variables()),
        None => command.env("CATALOG_IO__IMPL", "org.apache.iceberg.hadoop.HadoopFileIO"),
    };
    command
}
