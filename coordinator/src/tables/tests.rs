//! Tables of REST catalogs that are overrun: servers of our own, real requests, real time.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use k2i_domain::state::StartAt;
use k2i_lakehouse::catalog::{CatalogKind, CatalogSettings, HoldOff, RestSettings};
use k2i_lakehouse::storage::StorageSettings;
use k2i_lakehouse::{LakehouseSettings, NamespaceIdent};

use super::*;

const NONE: &str = r#"{"error":{"message":"there is none","type":"NoSuchTableException","code":404}}"#;

/// A catalog without tables, and when it was asked for which. The first requests for a table may be put off.
#[derive(Clone, Default)]
struct Catalog {
    uri: String,
    put_off: Arc<std::sync::Mutex<Vec<&'static str>>>,
    asked: Arc<std::sync::Mutex<Vec<(Instant, String)>>>,
}

impl Catalog {
    async fn start(put_off: &[&'static str]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let catalog = Self { uri, put_off: Arc::new(std::sync::Mutex::new(put_off.to_vec())), ..Self::default() };
        let answering = catalog.clone();
        let app = Router::new().fallback(async move |uri: Uri| answering.answer(&uri));
        tokio::spawn(async move { axum::serve(listener, app).await });
        catalog
    }

    fn answer(&self, uri: &Uri) -> Response {
        let Some((_, table)) = uri.path().split_once("/tables/") else { return "{}".into_response() };
        self.asked.lock().unwrap().push((Instant::now(), table.to_owned()));
        match self.put_off.lock().unwrap().pop() {
            Some(when) => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", when)], "{}").into_response(),
            None => (StatusCode::NOT_FOUND, NONE).into_response(),
        }
    }

    fn asked(&self) -> Vec<(Instant, String)> {
        self.asked.lock().unwrap().clone()
    }

    /// So many tables of this catalog, which share connection and pace.
    fn tables(&self, count: usize, per_second: u32) -> Vec<TableIo> {
        let hold_off = HoldOff::default();
        let rest = RestSettings { hold_off: hold_off.clone(), ..RestSettings::new(&self.uri) };
        let catalog = CatalogSettings { name: self.uri.clone(), warehouse: None, kind: CatalogKind::Rest(rest) };
        let connection = Connection::new(LakehouseSettings { catalog, storage: StorageSettings::default() });
        let pace = CatalogPace::new(per_second, hold_off);
        (0..count).map(|number| TableIo::new(&binding(number, &connection, &pace))).collect()
    }
}

fn binding(number: usize, connection: &Connection, pace: &CatalogPace) -> TableBinding {
    let (namespace, table) = ("shop", format!("t{number}"));
    TableBinding {
        spec: TableSpec {
            name: format!("{namespace}.{table}"),
            tenant: "default".into(),
            namespace: vec![namespace.into()],
            table: table.clone(),
            topics: vec!["orders".into()],
            start: StartAt::Earliest,
            flush_interval_ms: 1_000,
        },
        ident: TableIdent::new(NamespaceIdent::new(namespace.into()), table),
        properties: BTreeMap::new(),
        connection: connection.clone(),
        pace: pace.clone(),
    }
}

#[tokio::test]
async fn a_catalog_that_asks_for_a_pause_gets_it_from_all_its_tables_and_no_other_waits() {
    let (overrun, other) = (Catalog::start(&["2"]).await, Catalog::start(&[]).await);
    let tables = overrun.tables(3, 100);
    let elsewhere = other.tables(1, 100);
    assert!(matches!(tables[0].load().await, Loaded::Failed(_)));
    let began = Instant::now();
    let waiting = futures::future::join_all(tables.iter().map(TableIo::load));
    tokio::pin!(waiting);
    let first = tokio::select! {
        loaded = elsewhere[0].load() => loaded,
        _ = &mut waiting => panic!("the pause was not kept"),
    };
    assert_eq!(first, Loaded::Missing);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(waiting.await, vec![Loaded::Missing; 3]);
    let asked = overrun.asked();
    assert_eq!(asked.len(), 4, "each asked once more: {asked:?}");
    let pause = asked[1].0 - asked[0].0;
    assert!(pause >= Duration::from_secs(2), "asked again after {pause:?}");
}

#[tokio::test]
async fn the_tables_of_a_catalog_share_its_pace_and_the_oldest_goes_first() {
    let catalog = Catalog::start(&[]).await;
    let tables = catalog.tables(10, 5);
    let loads = futures::future::join_all(tables.iter().map(TableIo::load)).await;
    assert_eq!(loads, vec![Loaded::Missing; 10]);
    let asked = catalog.asked();
    let took = asked[9].0 - asked[0].0;
    assert!(took >= Duration::from_millis(900), "five at once and five at 200 ms each took {took:?}");
    let late: Vec<&str> = asked[5..].iter().map(|(_, table)| table.as_str()).collect();
    assert_eq!(late, ["t5", "t6", "t7", "t8", "t9"]);
}
