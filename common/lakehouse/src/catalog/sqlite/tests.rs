use super::*;
use crate::catalog::conformance::{Pair, Suite};
use crate::schema::{Column, ColumnType, schema_of};

struct World {
    folder: tempfile::TempDir,
    store: Store,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), store: Store::default() }
    }

    fn uri(&self) -> String {
        format!("sqlite://{}/meta/catalog.db", self.folder.path().display())
    }

    fn warehouse(&self) -> String {
        self.folder.path().join("house").to_str().unwrap().to_owned()
    }

    async fn open(&self) -> SqliteCatalog {
        SqliteCatalog::open("k2i", &self.uri(), Some(&self.warehouse()), self.store.clone()).await.unwrap()
    }
}

fn ident() -> TableIdent {
    TableIdent::from_strs(["shop", "orders"]).unwrap()
}

fn draft() -> Draft {
    let schema = schema_of(&[Column::optional("id", ColumnType::Long)]).unwrap();
    Draft { schema, properties: Default::default() }
}

async fn created(catalog: &SqliteCatalog) -> LoadedTable {
    catalog.ensure_namespace(&ident().namespace).await.unwrap();
    let staged = catalog.stage(&ident(), draft()).await.unwrap();
    assert_eq!(catalog.create(&ident(), staged).await, Outcome::Committed);
    catalog.load(&ident()).await.unwrap().unwrap()
}

fn set(key: &str) -> Vec<TableUpdate> {
    vec![TableUpdate::SetProperties { updates: [(key.to_owned(), "set".to_owned())].into() }]
}

#[tokio::test]
async fn it_conforms() {
    let world = World::new();
    let catalog = world.open().await;
    Suite { backend: &catalog, store: &world.store, namespace: "suite" }.run().await;
}

#[tokio::test]
async fn two_clients_of_one_database_agree() {
    let world = World::new();
    let (here, there) = (world.open().await, world.open().await);
    Pair { here: &here, there: &there, store: &world.store, namespace: "pair" }.run().await;
}

#[tokio::test]
async fn it_conforms_on_a_database_of_the_first_schema_version() {
    let world = World::new();
    std::fs::create_dir(world.folder.path().join("meta")).unwrap();
    let options =
        SqliteConnectOptions::new().filename(world.folder.path().join("meta/catalog.db")).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let v0 = "CREATE TABLE iceberg_tables (catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000),
        PRIMARY KEY (catalog_name, table_namespace, table_name))";
    sqlx::query(v0).execute(&pool).await.unwrap();
    let catalog = world.open().await;
    Suite { backend: &catalog, store: &world.store, namespace: "suite" }.run().await;
    let columns: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM pragma_table_info('iceberg_tables')").fetch_one(&pool).await.unwrap();
    assert_eq!(columns, 5, "somebody else's table was changed");
}

#[tokio::test]
async fn rows_look_like_those_of_other_engines() {
    let world = World::new();
    let catalog = world.open().await;
    let base = created(&catalog).await;
    assert_eq!(catalog.commit(&base, Vec::new(), set("a")).await, Outcome::Committed);
    let next = catalog.load(&ident()).await.unwrap().unwrap();
    type Row = (String, String, String, String, String, String);
    let row: Row = sqlx::query_as(
        "SELECT catalog_name, table_namespace, table_name, metadata_location, previous_metadata_location, iceberg_type
         FROM iceberg_tables",
    )
    .fetch_one(&catalog.pool)
    .await
    .unwrap();
    assert_eq!((row.0.as_str(), row.1.as_str(), row.2.as_str(), row.5.as_str()), ("k2i", "shop", "orders", "TABLE"));
    assert_eq!(Some(&row.3), next.metadata_location.as_ref());
    assert_eq!(Some(&row.4), base.metadata_location.as_ref());
    let folder = format!("file://{}/shop/orders/metadata/", world.warehouse());
    assert!(row.4.starts_with(&format!("{folder}00000-")), "{}", row.4);
    assert!(row.3.starts_with(&format!("{folder}00001-")), "{}", row.3);
    assert_eq!(next.metadata.metadata_log().len(), 1);
    let exists = catalog.namespace_property(&ident().namespace, "exists").await.unwrap();
    assert_eq!(exists.as_deref(), Some("true"));
}

#[tokio::test]
async fn a_row_without_type_is_a_table_and_a_view_is_none() {
    let world = World::new();
    let catalog = world.open().await;
    let base = created(&catalog).await;
    sqlx::query("UPDATE iceberg_tables SET iceberg_type = NULL").execute(&catalog.pool).await.unwrap();
    assert_eq!(catalog.commit(&base, Vec::new(), set("a")).await, Outcome::Committed);
    let staged = metadata::new_metadata(&ident(), draft(), "memory://x".into()).unwrap();
    sqlx::query("UPDATE iceberg_tables SET iceberg_type = 'VIEW'").execute(&catalog.pool).await.unwrap();
    assert!(matches!(catalog.load(&ident()).await.unwrap_err(), CatalogError::NotATable { .. }));
    assert!(matches!(catalog.create(&ident(), staged).await, Outcome::Rejected(_)));
}

#[tokio::test]
async fn a_namespace_may_have_a_location() {
    let world = World::new();
    let catalog = world.open().await;
    sqlx::query("INSERT INTO iceberg_namespace_properties VALUES ('k2i', 'shop', 'location', 's3://bucket/shop/')")
        .execute(&catalog.pool)
        .await
        .unwrap();
    catalog.ensure_namespace(&ident().namespace).await.unwrap();
    let staged = catalog.stage(&ident(), draft()).await.unwrap();
    assert_eq!(staged.location(), "s3://bucket/shop/orders");
}

#[tokio::test]
async fn a_lost_race_leaves_no_metadata_file() {
    let world = World::new();
    let catalog = world.open().await;
    let base = created(&catalog).await;
    assert_eq!(catalog.commit(&base, Vec::new(), set("first")).await, Outcome::Committed);
    assert_eq!(catalog.commit(&base, Vec::new(), set("second")).await, Outcome::Conflict);
    let folder = world.folder.path().join("house/shop/orders/metadata");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2);
    let now = catalog.load(&ident()).await.unwrap().unwrap();
    assert!(now.metadata.properties().contains_key("first") && !now.metadata.properties().contains_key("second"));
}

#[tokio::test]
async fn parallel_commits_on_one_base_have_one_winner() {
    let world = World::new();
    let (here, there) = (world.open().await, world.open().await);
    let base = created(&here).await;
    let mut attempts = Vec::new();
    for index in 0..8 {
        let (catalog, base) = (if index % 2 == 0 { here.clone() } else { there.clone() }, base.clone());
        attempts.push(tokio::spawn(async move { catalog.commit(&base, Vec::new(), set(&index.to_string())).await }));
    }
    let mut outcomes = Vec::new();
    for attempt in attempts {
        outcomes.push(attempt.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Committed).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Conflict).count(), 7, "{outcomes:?}");
}

#[tokio::test]
async fn a_database_that_went_away_decides_nothing() {
    let world = World::new();
    let catalog = world.open().await;
    let base = created(&catalog).await;
    catalog.pool.close().await;
    assert!(
        matches!(catalog.commit(&base, Vec::new(), set("a")).await, Outcome::Rejected(why) if why.contains("not applied"))
    );
    let error = catalog.load(&ident()).await.unwrap_err();
    assert_eq!(error.recovery(), crate::Recovery::Retry);
}

#[tokio::test]
async fn metadata_names_of_other_writers_are_followed_up() {
    let world = World::new();
    let catalog = world.open().await;
    let base = created(&catalog).await;
    let old = base.metadata_location.clone().unwrap();
    let renamed = format!("{}/v7.metadata.json", old.rsplit_once('/').unwrap().0);
    world.store.put(&renamed, world.store.get(&old).await.unwrap()).await.unwrap();
    sqlx::query("UPDATE iceberg_tables SET metadata_location = ?").bind(&renamed).execute(&catalog.pool).await.unwrap();
    let base = catalog.load(&ident()).await.unwrap().unwrap();
    assert_eq!(catalog.commit(&base, Vec::new(), set("a")).await, Outcome::Committed);
    assert!(catalog.load(&ident()).await.unwrap().unwrap().metadata.properties().contains_key("a"));
}

#[test]
fn uris_name_files() {
    assert_eq!(database_file("sqlite:///data/catalog.db").unwrap(), PathBuf::from("/data/catalog.db"));
    assert_eq!(database_file("sqlite:catalog.db").unwrap(), PathBuf::from("catalog.db"));
    assert_eq!(database_file("sqlite:/data/catalog.db").unwrap(), PathBuf::from("/data/catalog.db"));
    for uri in ["postgres://x", "sqlite:", "sqlite::memory:", "sqlite://host/x", "sqlite:///x?mode=ro"] {
        assert!(matches!(database_file(uri), Err(CatalogError::Settings { .. })), "{uri}");
    }
}

#[tokio::test]
async fn names_that_would_leave_their_folder_are_refused() {
    let world = World::new();
    let catalog = world.open().await;
    for name in ["", "a/b", "..\\x"] {
        let table = TableIdent::from_strs(["shop", name]).unwrap();
        assert!(matches!(catalog.stage(&table, draft()).await, Err(CatalogError::Settings { .. })), "{name:?}");
    }
}
