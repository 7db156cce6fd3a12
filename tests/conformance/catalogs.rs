//! The suites of catalogs on Iceberg's own implementations: its REST server, and `JdbcCatalog` on a database that our SQL
//! catalog works on too.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_lakehouse::TableIdent;
use k2i_lakehouse::catalog::conformance::{Pair, Suite};
use k2i_lakehouse::catalog::{CatalogBackend, RestCatalog, RestSettings, SqliteCatalog};
use k2i_lakehouse::storage::Store;
use k2i_tests::components::{self, Listening, S3};
use k2i_tests::http::get;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{runtime, store_on};

/// Java's server, which has a REST face before its `JdbcCatalog`.
type Java = components::RestCatalog;

/// For uploads: of metadata, which is small.
const METADATA: u64 = 8 << 20;
/// How long a question to Java's server may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// What the suite of catalogs leaves in its namespace, with the heads that it leaves.
const TABLES: [(&str, i64); 7] =
    [("created", 11), ("contested", 21), ("moved", 33), ("stale", 42), ("other", 51), ("empty", 61), ("remaining", 71)];

#[test]
fn the_rest_catalog_conforms_on_iceberg_s_own_server() {
    scene("the_rest_catalog_conforms_on_iceberg_s_own_server", |_| {
        let (server, runtime) = (Java::shared()?, runtime()?);
        let store = store_on(S3::shared()?, METADATA);
        runtime.block_on(async {
            let backend = rest(server, Java::WAREHOUSE).await?;
            Suite { backend: &backend, store: &store, namespace: "conformance" }.run().await;
            // Two clients of ours, which share nothing but the server.
            let other = rest(server, Java::WAREHOUSE).await?;
            Pair { here: &backend, there: &other, store: &store, namespace: "conformance_pair" }.run().await;
            Ok(())
        })
    })
}

#[test]
fn java_works_on_a_database_that_k2i_made() {
    scene("java_works_on_a_database_that_k2i_made", |scene| {
        let mut shared = Shared::new(scene, "made-by-k2i")?;
        let ours = shared.ours()?;
        let suite = Suite { backend: &ours, store: &shared.store, namespace: "suite" };
        shared.runtime.block_on(suite.run());
        shared.java = Some(shared.start_java()?);
        shared.java_lists_and_loads_what_we_made(&ours)?;
        shared.both_agree(&ours)
    })
}

#[test]
fn k2i_works_on_a_database_that_java_made() {
    scene("k2i_works_on_a_database_that_java_made", |scene| {
        let mut shared = Shared::new(scene, "made-by-java")?;
        shared.java = Some(shared.start_java()?);
        let ours = shared.ours()?;
        let suite = Suite { backend: &ours, store: &shared.store, namespace: "suite" };
        shared.runtime.block_on(suite.run());
        shared.java_lists_and_loads_what_we_made(&ours)?;
        shared.both_agree(&ours)
    })
}

/// Our REST client, without a login.
async fn rest(server: &Java, warehouse: &str) -> Result<RestCatalog> {
    Ok(RestCatalog::open(&RestSettings::new(server.url()), Some(warehouse)).await?)
}

/// One SQLite file for two implementations, with its files on S3.
struct Shared<'a> {
    scene: &'a Scene,
    s3: &'static S3,
    warehouse: String,
    store: Store,
    java: Option<Java>,
    runtime: Runtime,
}

impl<'a> Shared<'a> {
    fn new(scene: &'a Scene, bucket: &str) -> Result<Self> {
        let s3 = S3::shared()?;
        s3.create_bucket(bucket)?;
        let warehouse = format!("s3://{bucket}/house");
        Ok(Self { scene, s3, warehouse, store: store_on(s3, METADATA), java: None, runtime: runtime()? })
    }

    fn start_java(&self) -> Result<Java> {
        Java::start(&self.scene.path("java"), self.s3, &self.warehouse, Listening::Anywhere)
    }

    fn ours(&self) -> Result<SqliteCatalog> {
        let uri = format!("sqlite://{}", Java::database(&self.scene.path("java")).display());
        let opened = SqliteCatalog::open(Java::NAME, &uri, Some(&self.warehouse), self.store.clone());
        Ok(self.runtime.block_on(opened)?)
    }

    fn java(&self) -> Result<&Java> {
        self.java.as_ref().context("the server runs")
    }

    /// By plain HTTP, so that nothing but Java's code reads what K2I wrote.
    fn java_lists_and_loads_what_we_made(&self, ours: &SqliteCatalog) -> Result<()> {
        let port = self.java()?.port();
        // Its first look into the store may take longer than one request may.
        let ask = |path: &str| {
            until(&format!("Java to answer {path}"), ANSWER_LIMIT, || match get(port, path) {
                Ok(answer) => {
                    ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
                    Ok(Look::Done(serde_json::from_str::<Value>(&answer.body)?))
                }
                Err(error) => Ok(Look::NotYet(format!("{error:#}"))),
            })
        };
        let listed = ask("/v1/namespaces/suite/tables")?;
        let listed = listed["identifiers"].as_array().context("a list of tables")?;
        let mut names: Vec<&str> = listed.iter().filter_map(|table| table["name"].as_str()).collect();
        names.sort_unstable();
        let mut wanted = TABLES.map(|(name, _)| name);
        wanted.sort_unstable();
        ensure!(names == wanted, "Java lists {names:?}");
        for (name, head) in TABLES {
            let loaded = ask(&format!("/v1/namespaces/suite/tables/{name}"))?;
            let metadata = &loaded["metadata"];
            ensure!(metadata["current-snapshot-id"] == head, "Java loads {name} as {metadata}");
            ensure!(metadata["properties"]["suite"] == name, "Java loads {name} as {metadata}");
            let own = self.runtime.block_on(ours.load(&TableIdent::from_strs(["suite", name])?))?;
            let own = own.with_context(|| format!("our own {name} is gone"))?;
            ensure!(metadata["table-uuid"] == own.metadata.uuid().to_string(), "Java loads another {name}");
            ensure!(
                loaded["metadata-location"] == own.metadata_location.unwrap_or_default(),
                "not where we left {name}"
            );
        }
        Ok(())
    }

    /// Each sees what the other makes and commits, and neither overwrites the other.
    fn both_agree(&self, ours: &SqliteCatalog) -> Result<()> {
        self.runtime.block_on(async {
            let theirs = rest(self.java()?, &self.warehouse).await?;
            Pair { here: ours, there: &theirs, store: &self.store, namespace: "pair" }.run().await;
            Suite { backend: &theirs, store: &self.store, namespace: "theirs" }.run().await;
            Ok(())
        })
    }
}
