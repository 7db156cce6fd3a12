//! The REST catalog against a server of our own that answers what each test wants.

mod lend;
mod pauses;
mod server;

use std::time::Duration;

use serde_json::json;

use self::server::{Scripted, Server};
use super::*;
use crate::catalog::conformance::Suite;
use crate::catalog::{CatalogKind, CatalogSettings, ClientCredentials, RestAuth};
use crate::schema::{Column, ColumnType, schema_of};
use crate::secret::Secret;
use crate::storage::Store;

async fn open(server: &Server) -> RestCatalog {
    RestCatalog::open(&RestSettings::new(&server.uri), None).await.unwrap()
}

fn ident() -> TableIdent {
    TableIdent::from_strs(["shop", "orders"]).unwrap()
}

fn draft() -> Draft {
    let schema = schema_of(&[Column::optional("id", ColumnType::Long)]).unwrap();
    Draft { schema, properties: Default::default() }
}

async fn created(catalog: &RestCatalog) -> LoadedTable {
    catalog.ensure_namespace(&ident().namespace).await.unwrap();
    let staged = catalog.stage(&ident(), draft()).await.unwrap();
    assert_eq!(catalog.create(&ident(), staged).await, Outcome::Committed);
    catalog.load(&ident()).await.unwrap().unwrap()
}

fn set(key: &str) -> Vec<TableUpdate> {
    vec![TableUpdate::SetProperties { updates: [(key.to_owned(), "set".to_owned())].into() }]
}

fn credentials(settings: &mut RestSettings) -> &mut ClientCredentials {
    settings.auth = RestAuth::ClientCredentials(ClientCredentials {
        credential: Secret::new("me:hush"),
        token_uri: None,
        scope: None,
        audience: None,
        resource: None,
    });
    let RestAuth::ClientCredentials(credentials) = &mut settings.auth else { unreachable!() };
    credentials
}

#[tokio::test]
async fn it_conforms() {
    let (server, store) = (Server::start().await, Store::default());
    let catalog = open(&server).await;
    Suite { backend: &catalog, store: &store, namespace: "suite" }.run().await;
}

#[tokio::test]
async fn it_conforms_behind_a_prefix_and_a_login() {
    let (server, store) = (Server::start().await, Store::default());
    server.with(|shared| {
        shared.config = json!({"defaults": {"prefix": "ignored"}, "overrides": {"prefix": "main|house"}});
        shared.tokens = vec!["t".into()];
        shared.grants = [json!({"access_token": "t", "token_type": "bearer", "expires_in": 3600})].into();
    });
    let mut rest = RestSettings::new(format!("{}/v1/", server.uri));
    credentials(&mut rest);
    let settings =
        CatalogSettings { name: "x".into(), warehouse: Some("s3://b/w h".into()), kind: CatalogKind::Rest(rest) };
    let catalog = crate::catalog::connect(&settings, &store).await.unwrap();
    Suite { backend: catalog.as_ref(), store: &store, namespace: "suite" }.run().await;
    let paths = server.paths();
    assert!(paths.contains(&"GET /v1/config?warehouse=s3%3A%2F%2Fb%2Fw+h".to_owned()), "{paths:?}");
    let tables = paths.iter().filter(|path| path.contains("/namespaces")).collect::<Vec<_>>();
    assert!(tables.iter().all(|path| path.contains(" /v1/main|house/namespaces")), "{tables:?}");
    assert_eq!(paths.iter().filter(|path| path.ends_with("/tokens")).count(), 1);
}

#[tokio::test]
async fn names_are_encoded_and_levels_separated() {
    let server = Server::start().await;
    let catalog = open(&server).await;
    let table = TableIdent::from_strs(["a b", "c.d", "größe/100%+"]).unwrap();
    catalog.load(&table).await.unwrap();
    server.with(|shared| shared.config = json!({"overrides": {"namespace-separator": "%2E"}}));
    open(&server).await.load(&table).await.unwrap();
    let paths = server.paths();
    let loads = paths.iter().filter(|path| path.contains("tables")).collect::<Vec<_>>();
    assert_eq!(loads[0], "GET /v1/namespaces/a%20b%1Fc.d/tables/gr%C3%B6%C3%9Fe%2F100%25%2B");
    assert_eq!(loads[1], "GET /v1/namespaces/a%20b%2Ec.d/tables/gr%C3%B6%C3%9Fe%2F100%25%2B");
}

#[tokio::test]
async fn every_answer_has_its_outcome() {
    let server = Server::start().await;
    let catalog = open(&server).await;
    let base = created(&catalog).await;
    let gone = r#"{"error":{"message":"gone","type":"NoSuchTableException","code":404}}"#;
    let cases = [
        (Scripted::Answer(409, "{}"), "conflict"),
        (Scripted::Answer(404, gone), "gone"),
        (Scripted::Answer(404, "<html>"), "unknown"),
        (Scripted::Answer(400, "{}"), "rejected"),
        (Scripted::Answer(401, "{}"), "rejected"),
        (Scripted::Answer(403, "{}"), "rejected"),
        (Scripted::Answer(419, "{}"), "rejected"),
        (Scripted::Answer(422, "{}"), "rejected"),
        (Scripted::Answer(429, "{}"), "rejected"),
        (Scripted::Answer(307, "{}"), "unknown"),
        (Scripted::Answer(500, "{}"), "unknown"),
        (Scripted::Answer(503, "{}"), "unknown"),
        (Scripted::AfterDoing(502), "unknown"),
        (Scripted::Break, "unknown"),
    ];
    for (index, (answer, expected)) in cases.into_iter().enumerate() {
        server.script("POST", "/tables/orders", answer);
        let before = server.paths().len();
        let outcome = catalog.commit(&base, Vec::new(), set(&format!("case {index}"))).await;
        let found = match &outcome {
            Outcome::Committed => "committed",
            Outcome::Conflict => "conflict",
            Outcome::Unknown(_) => "unknown",
            Outcome::Rejected(_) => "rejected",
            Outcome::TableGone => "gone",
        };
        assert_eq!(found, expected, "case {index}: {outcome:?}");
        assert_eq!(server.paths().len(), before + 1, "case {index} was sent more than once");
    }
    let now = catalog.load(&ident()).await.unwrap().unwrap();
    let landed: Vec<_> = now.metadata.properties().keys().filter(|key| key.starts_with("case")).collect();
    assert_eq!(landed.len(), 2, "the two whose answers were lost: {landed:?}");
}

#[tokio::test]
async fn a_commit_that_is_not_answered_in_time_is_unknown() {
    let server = Server::start().await;
    let settings = RestSettings { request_timeout: Duration::from_millis(300), ..RestSettings::new(&server.uri) };
    let catalog = RestCatalog::open(&settings, None).await.unwrap();
    let base = created(&catalog).await;
    server.script("POST", "/tables/orders", Scripted::Hang);
    assert!(matches!(catalog.commit(&base, Vec::new(), set("slow")).await, Outcome::Unknown(_)));
    let now = catalog.load(&ident()).await.unwrap().unwrap();
    assert!(now.metadata.properties().contains_key("slow"));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_got_nothing() {
    let server = Server::start().await;
    let base = created(&open(&server).await).await;
    let mut catalog = open(&server).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    catalog.paths = Paths::new(paths::base(&format!("http://{closed}")).unwrap(), None, None);
    let outcome = catalog.commit(&base, Vec::new(), set("a")).await;
    assert!(matches!(&outcome, Outcome::Rejected(why) if why.starts_with("not sent")), "{outcome:?}");
    assert_eq!(catalog.load(&ident()).await.unwrap_err().recovery(), crate::Recovery::Retry);
}

#[tokio::test]
async fn only_the_catalogs_own_word_makes_a_table_missing() {
    let server = Server::start().await;
    let catalog = open(&server).await;
    assert!(catalog.load(&ident()).await.unwrap().is_none());
    for (status, recovery) in [
        (404, crate::Recovery::Retry),
        (503, crate::Recovery::Retry),
        (429, crate::Recovery::Retry),
        (403, crate::Recovery::Reject),
        (200, crate::Recovery::Reject),
    ] {
        server.script("GET", "/tables/orders", Scripted::Answer(status, "<html>not here</html>"));
        let error = catalog.load(&ident()).await.unwrap_err();
        assert_eq!(error.recovery(), recovery, "{status}: {error}");
    }
}

#[tokio::test]
async fn a_creation_without_its_namespace_is_rejected() {
    let server = Server::start().await;
    let catalog = open(&server).await;
    let staged = catalog.stage(&ident(), draft()).await.unwrap();
    let none = r#"{"error":{"message":"none","type":"NoSuchNamespaceException","code":404}}"#;
    server.script("POST", "/tables/orders", Scripted::Answer(404, none));
    let outcome = catalog.create(&ident(), staged).await;
    assert!(matches!(&outcome, Outcome::Rejected(why) if why.contains("NoSuchNamespace")), "{outcome:?}");
}

#[tokio::test]
async fn tokens_are_renewed_before_they_expire() {
    let server = Server::start().await;
    let grant = |token: &str, life: u64| json!({"access_token": token, "expires_in": life});
    server.with(|shared| {
        shared.tokens = vec!["1".into(), "2".into()];
        shared.grants = [grant("1", 0), grant("2", 3600)].into();
    });
    let mut settings = RestSettings::new(&server.uri);
    credentials(&mut settings).scope = Some("all".into());
    let catalog = RestCatalog::open(&settings, None).await.unwrap();
    let asked = || server.paths().iter().filter(|path| path.ends_with("/v1/oauth/tokens")).count();
    assert_eq!(asked(), 1);
    catalog.load(&ident()).await.unwrap();
    assert_eq!(asked(), 2, "the first is used up");
    catalog.load(&ident()).await.unwrap();
    assert_eq!(asked(), 2, "the second is not");
    let form = server.with(|shared| shared.log[0].2.clone());
    assert_eq!(form, "grant_type=client_credentials&client_secret=hush&client_id=me&scope=all");
    for (life, used) in [(3600, 3540), (600, 540), (100, 80), (0, 0)] {
        assert_eq!(auth::use_for(Duration::from_secs(life)), Duration::from_secs(used));
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_request_sent_once_more() {
    let server = Server::start().await;
    let grant = |token: &str| json!({"access_token": token});
    server.with(|shared| {
        shared.tokens = vec!["1".into()];
        shared.grants = [grant("1"), grant("2")].into();
    });
    let mut settings = RestSettings::new(&server.uri);
    credentials(&mut settings);
    let catalog = RestCatalog::open(&settings, None).await.unwrap();
    let base = created(&catalog).await;
    server.with(|shared| shared.tokens = vec!["2".into()]);
    assert_eq!(catalog.commit(&base, Vec::new(), set("a")).await, Outcome::Committed);

    server.with(|shared| shared.tokens = vec!["3".into()]);
    let before = server.paths().len();
    assert!(matches!(catalog.commit(&base, Vec::new(), set("b")).await, Outcome::Rejected(_)));
    assert_eq!(server.paths().len() - before, 3, "twice the commit and one token");
}

#[tokio::test]
async fn refused_credentials_are_named_without_the_secret() {
    let server = Server::start().await;
    let mut settings = RestSettings::new(&server.uri);
    credentials(&mut settings);
    let error = RestCatalog::open(&settings, None).await.unwrap_err();
    assert_eq!(error.recovery(), crate::Recovery::Reject);
    let text = format!("{error} {error:?} {settings:?}");
    assert!(text.contains("401") && !text.contains("hush"), "{text}");
    assert!(text.contains("invalid_client") && text.contains("iceberg.credential"), "{text}");
}

#[tokio::test]
async fn a_fixed_token_is_sent_as_it_is() {
    let server = Server::start().await;
    server.with(|shared| shared.tokens = vec!["fixed".into()]);
    let settings =
        |token: &str| RestSettings { auth: RestAuth::Bearer(Secret::new(token)), ..RestSettings::new(&server.uri) };
    RestCatalog::open(&settings("fixed"), None).await.unwrap();
    let error = RestCatalog::open(&settings("other"), None).await.unwrap_err();
    assert!(error.to_string().contains("who are you?"), "{error}");
}

#[tokio::test]
async fn the_catalog_may_name_another_address_and_token_issuer() {
    let (first, second) = (Server::start().await, Server::start().await);
    first.with(|shared| {
        shared.config = json!({"overrides": {
            "uri": second.uri, "oauth2-server-uri": format!("{}/issuer/tokens", second.uri)
        }});
        shared.grants = [json!({"access_token": "1", "expires_in": 0})].into();
    });
    second.with(|shared| shared.grants = [json!({"access_token": "2"})].into());
    let mut settings = RestSettings::new(&first.uri);
    credentials(&mut settings);
    let catalog = RestCatalog::open(&settings, None).await.unwrap();
    catalog.load(&ident()).await.unwrap();
    let expected = ["POST /issuer/tokens", "GET /v1/namespaces/shop/tables/orders"];
    assert_eq!(second.paths(), expected);
}

#[tokio::test]
async fn servers_without_what_a_commit_needs_are_refused() {
    let server = Server::start().await;
    server.with(|shared| {
        shared.config = json!({"endpoints": ["GET /v1/{prefix}/namespaces/{namespace}/tables/{table}"]});
    });
    let error = RestCatalog::open(&RestSettings::new(&server.uri), None).await.unwrap_err();
    assert!(error.to_string().contains("POST /v1/{prefix}/namespaces/{namespace}/tables"), "{error}");

    server.with(|shared| {
        let needed = [Endpoint::LoadTable, Endpoint::CreateTable, Endpoint::CommitTable];
        shared.config = json!({"endpoints": needed.map(Endpoint::name)});
    });
    let catalog = open(&server).await;
    let before = server.paths().len();
    catalog.ensure_namespace(&ident().namespace).await.unwrap();
    assert_eq!(server.paths().len(), before, "neither endpoint is offered");
}

#[tokio::test]
async fn a_page_that_is_no_catalog_is_said_to_be_none() {
    let server = Server::start().await;
    server.script("GET", "/v1/config", Scripted::Answer(200, "<html>hello</html>"));
    let error = RestCatalog::open(&RestSettings::new(&server.uri), None).await.unwrap_err();
    assert!(error.to_string().contains("the answer is not that of a REST catalog"), "{error}");
    for (answer, word) in [
        (Scripted::Answer(200, "{\"defaults\": 7}"), "the answer is not that of a REST catalog"),
        (Scripted::Answer(404, "<html>no such page</html>"), "without /v1?"),
        (Scripted::Moved("https://elsewhere/catalog"), "sends us to https://elsewhere/catalog"),
    ] {
        server.script("GET", "/v1/config", answer);
        let error = RestCatalog::open(&RestSettings::new(&server.uri), None).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
    for uri in ["localhost:8181", "ftp://x", "http://me:secret@host", "nothing"] {
        let error = RestCatalog::open(&RestSettings::new(uri), None).await.unwrap_err();
        assert!(matches!(error, CatalogError::Settings { .. }), "{uri}: {error}");
    }
}
