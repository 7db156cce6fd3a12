//! Keys that come with a table.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;
use crate::storage::{Lender, Lending, Loan};

fn keys(id: &str) -> serde_json::Value {
    json!({"s3.access-key-id": id, "s3.secret-access-key": "hush", "s3.session-token": "t"})
}

/// What is lent for `shop.orders` now, asked for by the store's own way.
async fn lent(server: &Server, endpoints: serde_json::Value, before: Option<&Loan>) -> Option<Loan> {
    server.with(|shared| shared.config = json!({"endpoints": endpoints}));
    let catalog = open(server).await;
    let before = before.cloned().unwrap_or(Loan { folders: vec!["memory://x".into()], keys: Vec::new() });
    let lender = lend::RestLender { client: catalog.client, paths: catalog.paths, endpoints: catalog.endpoints };
    lender.lend(&ident(), &before).await.unwrap()
}

#[tokio::test]
async fn keys_are_asked_for_unless_told_otherwise() {
    let server = Server::start().await;
    open(&server).await.load(&ident()).await.unwrap();
    let settings = RestSettings { vended_credentials: false, ..RestSettings::new(&server.uri) };
    RestCatalog::open(&settings, None).await.unwrap().load(&ident()).await.unwrap();
    let asked = server.with(|shared| shared.delegation.clone());
    let vended = Some("vended-credentials".to_owned());
    assert_eq!(asked, [vended.clone(), vended, None, None]);
}

#[tokio::test]
async fn a_table_s_keys_come_by_prefix_with_the_store_s_place() {
    let server = Server::start().await;
    let lending = Lending::default();
    let catalog = open(&server).await.lending_to(&lending);
    server.with(|shared| {
        let mut config = keys("all");
        config["s3.endpoint"] = json!("http://store:9000");
        config["s3.path-style-access"] = json!("true");
        config["client.region"] = json!("eu-west-1");
        config["s3.session-token-expires-at-ms"] = json!("4102444800000");
        config["expiry"] = json!(7);
        shared.table_config = config;
        shared.storage_credentials = json!([{"prefix": "memory://house/shop/orders/data", "config": keys("data")}]);
    });
    created(&catalog).await;
    let location = "memory://house/shop/orders";
    let (claim, place) = lending.find(&format!("{location}/metadata/1")).unwrap();
    assert_eq!(place.endpoint.as_deref(), Some("http://store:9000"));
    assert_eq!((place.region.as_deref(), place.path_style), (Some("eu-west-1"), Some(true)));
    let all = lending.holding(&claim).unwrap().keys;
    assert_eq!(all.access_key_id, "all");
    let end = UNIX_EPOCH + Duration::from_millis(4_102_444_800_000);
    let left = end.duration_since(SystemTime::now()).unwrap();
    assert!(all.life.unwrap().abs_diff(left) < Duration::from_secs(60), "{:?}", all.life);
    let (claim, place) = lending.find(&format!("{location}/data/1")).unwrap();
    let data = lending.holding(&claim).unwrap().keys;
    assert_eq!((data.access_key_id.as_str(), data.life), ("data", None));
    assert_eq!(place.region.as_deref(), Some("eu-west-1"));

    server.with(|shared| (shared.table_config, shared.storage_credentials) = (json!({}), json!([])));
    catalog.load(&ident()).await.unwrap();
    assert!(lending.find(&format!("{location}/data/1")).is_none(), "nothing is lent any more");
}

#[tokio::test]
async fn keys_are_lent_again_by_their_own_endpoint_or_by_a_load() {
    let server = Server::start().await;
    created(&open(&server).await).await;
    server.with(|shared| {
        shared.table_config = keys("by load");
        shared.storage_credentials = json!([{"prefix": "memory://house", "config": keys("by endpoint")}]);
    });
    let usual = [Endpoint::LoadTable, Endpoint::CreateTable, Endpoint::CommitTable].map(Endpoint::name);
    let ids = |loan: Option<Loan>| -> Vec<String> {
        loan.unwrap().keys.into_iter().map(|(_, keys)| keys.access_key_id).collect()
    };
    let by_load = lent(&server, json!(usual), None).await;
    assert_eq!(ids(by_load.clone()), ["by load", "by endpoint"]);
    let with_endpoint = [&usual[..], &[Endpoint::Credentials.name()]].concat();
    let again = lent(&server, json!(with_endpoint), by_load.as_ref()).await.unwrap();
    assert_eq!(again.folders, by_load.unwrap().folders);
    assert_eq!(ids(Some(again)), ["by endpoint"]);
    assert!(server.paths().last().unwrap().ends_with("/tables/orders/credentials"));
}
