//! Catalogs that are not at their best, each a front before Iceberg's own server: one that looks at nothing that a commit
//! asserts, one whose logins run out, one that answers slowly.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use k2i_tests::components::{RestCatalog, S3};
use k2i_tests::front::{Behind, Front, Request, Response};
use k2i_tests::http;
use k2i_tests::scene::{Scene, scene};
use serde_json::{Value, json};

use super::feed::Feed;
use super::four_tables::check_pace;
use super::lake::{Lake, wait_said};
use super::table::Table;

/// At this rate it takes twelve seconds.
pub const ORDERS: u32 = 2_400;
pub const PER_SECOND: u32 = 200;

#[test]
fn a_catalog_that_accepts_stale_commits_gets_no_rows() {
    scene("a_catalog_that_accepts_stale_commits_gets_no_rows", |scene| {
        let catalog = RestCatalog::shared()?;
        let lies = Arc::new(AtomicBool::new(true));
        let lying = Arc::clone(&lies);
        let front = Front::before(catalog.port(), move |mut request, behind| {
            if lying.load(Ordering::Relaxed) {
                assert_nothing(&mut request);
            }
            behind.ask(&request)
        })?;
        let mut feed = Feed::create(scene, "front-lies", 1)?;
        let tally = feed.produce(300)?;
        let mut lake = on_rest(scene, &front, "liars.orders", feed.topic(), "")?;
        lake.variables = S3::shared()?.variables();

        let mut k2i = lake.ingest()?;
        let said = ["the table is stopped", "\"reason\":\"config\"", "accepted a commit whose base had moved"];
        wait_said(&mut k2i, &said)?;
        k2i.drain()?;
        ensure!(tables_of(catalog, "liars")?.is_empty(), "something was left there");

        // Put right, it takes the rows after a restart, which is a fresh look.
        lies.store(false, Ordering::Relaxed);
        let k2i = lake.ingest()?;
        let table = Table::in_rest(catalog, S3::shared()?, "liars.orders");
        table.wait_rows(scene, 300)?;
        k2i.drain()?;
        table.check_exact(scene, feed.acks(), &tally)?;
        ensure!(tables_of(catalog, "liars")? == ["orders"], "the probe table stays");
        Ok(())
    });
}

/// What a catalog does that looks at nothing: the commit asserts nothing any more. (A creation still wants its name free.)
fn assert_nothing(request: &mut Request) {
    let mut body = request.json();
    let asserts = |body: &Value| body["requirements"].as_array().is_some_and(|all| !all.is_empty());
    let creates = body["requirements"].to_string().contains("assert-create");
    if request.method == "POST" && asserts(&body) && !creates {
        body["requirements"] = json!([]);
        request.body = body.to_string().into_bytes();
    }
}

fn tables_of(catalog: &RestCatalog, namespace: &str) -> Result<Vec<String>> {
    let answer = http::get(catalog.port(), &format!("/v1/namespaces/{namespace}/tables"))?;
    let listed: Value = serde_json::from_str(&answer.body)?;
    let listed = listed["identifiers"].as_array().cloned().unwrap_or_default();
    Ok(listed.iter().filter_map(|table| table["name"].as_str().map(str::to_owned)).collect())
}

#[test]
fn tokens_run_out_while_it_runs_and_are_renewed() {
    scene("tokens_run_out_while_it_runs_and_are_renewed", |scene| {
        let catalog = RestCatalog::shared()?;
        let issuer = Arc::new(Issuer::default());
        let asked = Arc::clone(&issuer);
        let front = Front::before(catalog.port(), move |request, behind| asked.answer(request, behind))?;
        let mut feed = Feed::create(scene, "front-tokens", 2)?;
        let login = |secret: &str| format!("credential = \"tester:{secret}\"");
        let mut lake = on_rest(scene, &front, "shop.tokens", feed.topic(), &login("wrong"))?;
        lake.variables = S3::shared()?.variables();

        let mut k2i = lake.ingest()?;
        wait_said(&mut k2i, &["invalid_client", "the secret is wrong", "iceberg.credential"])?;
        ensure!(!k2i.log().contains("tester:wrong"), "the secret is in the log");
        k2i.drain()?;

        lake.change("tester:wrong", &format!("tester:{SECRET}"));
        let k2i = lake.ingest()?;
        let tally = feed.produce_slowly(ORDERS, PER_SECOND)?.finish()?;
        let table = Table::in_rest(catalog, S3::shared()?, "shop.tokens");
        table.wait_rows(scene, u64::from(ORDERS))?;
        k2i.drain()?;
        table.check_exact(scene, feed.acks(), &tally)?;
        let (granted, refused) = issuer.counts();
        println!("{granted} tokens granted, {refused} requests refused");
        ensure!(granted >= 3, "only {granted} tokens were granted: none ran out");
        ensure!(refused == 0, "{refused} requests came with a token that had run out");
        Ok(())
    });
}

const SECRET: &str = "known-to-both";
/// How long a token is good.
const TOKEN_LIFE: Duration = Duration::from_secs(5);

/// Grants tokens, and lets nobody by without a good one.
#[derive(Default)]
struct Issuer(Mutex<Granted>);

#[derive(Default)]
struct Granted {
    /// When each token ends.
    tokens: BTreeMap<String, Instant>,
    refused: u32,
}

impl Issuer {
    fn answer(&self, request: Request, behind: Behind) -> Result<Response> {
        if request.path.ends_with("/v1/oauth/tokens") {
            return Ok(self.grant(&request));
        }
        let token = request.header("authorization").unwrap_or_default();
        let mut granted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if granted.tokens.get(token).is_none_or(|ends| *ends <= Instant::now()) {
            granted.refused += 1;
            let error = json!({"message": "no good token", "type": "NotAuthorizedException", "code": 401});
            return Ok(Response::json(401, &json!({ "error": error })));
        }
        drop(granted);
        behind.ask(&request)
    }

    fn grant(&self, request: &Request) -> Response {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let has = |pair: &str| form.split('&').any(|own| own == pair);
        if !has("client_id=tester") || !has(&format!("client_secret={SECRET}")) {
            return Response::json(401, &json!({"error": "invalid_client"}));
        }
        let mut granted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("token-{}", granted.tokens.len());
        granted.tokens.insert(format!("Bearer {token}"), Instant::now() + TOKEN_LIFE);
        let life = TOKEN_LIFE.as_secs();
        Response::json(200, &json!({"access_token": token, "token_type": "bearer", "expires_in": life}))
    }

    fn counts(&self) -> (usize, u32) {
        let granted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (granted.tokens.len(), granted.refused)
    }
}

#[test]
fn a_catalog_that_answers_slowly_delays_its_own_tables_only() {
    scene("a_catalog_that_answers_slowly_delays_its_own_tables_only", |scene| {
        let catalog = RestCatalog::shared()?;
        let front = Front::before(catalog.port(), |request, behind| {
            let response = behind.ask(&request);
            thread::sleep(SLOW);
            response
        })?;
        let (mut slow, mut here) = (Feed::create(scene, "front-slow", 1)?, Feed::create(scene, "front-here", 1)?);
        let mut lake = on_rest(scene, &front, "shop.slow", slow.topic(), "")?;
        let (database, warehouse) = (scene.path("catalog.db"), scene.path("warehouse"));
        let iceberg = format!(
            "catalog_type = \"sql\"\nsql_uri = \"sqlite:{}\"\nwarehouse = \"file://{}\"",
            database.display(),
            warehouse.display()
        );
        lake.table("shop.here", here.topic(), &iceberg, "type = \"local\"")?;
        lake.variables = S3::shared()?.variables();

        let k2i = lake.ingest()?;
        let (first, second) = (slow.produce_slowly(ORDERS, PER_SECOND)?, here.produce_slowly(ORDERS, PER_SECOND)?);
        let (first, second) = (first.finish()?, second.finish()?);
        let near = Table::in_sqlite(&database, "shop.here")?;
        near.wait_rows(scene, u64::from(ORDERS))?;
        check_pace(&near.commit_times(scene)?, ORDERS / PER_SECOND)?;
        near.check_exact(scene, here.acks(), &second)?;
        let far = Table::in_rest(catalog, S3::shared()?, "shop.slow");
        far.wait_rows(scene, u64::from(ORDERS))?;
        k2i.drain()?;
        far.check_exact(scene, slow.acks(), &first)?;
        let commits = far.commit_times(scene)?.len();
        ensure!(commits >= 2, "all in {commits} commits: nothing came while it was slow");
        println!("{commits} commits, each of several requests of {SLOW:?}");
        Ok(())
    });
}

/// How long every answer of a slow catalog takes.
const SLOW: Duration = Duration::from_millis(1_500);

/// One table through a front, with further lines of `[iceberg]`.
pub fn on_rest<'a>(scene: &'a Scene, front: &Front, table: &str, topic: &str, more: &str) -> Result<Lake<'a>> {
    let mut lake = Lake::new(scene)?;
    let (uri, warehouse) = (front.url(), RestCatalog::WAREHOUSE);
    let iceberg = format!("catalog_type = \"rest\"\nrest_uri = \"{uri}\"\nwarehouse = \"{warehouse}\"\n{more}");
    lake.table(table, topic, &iceberg, "type = \"s3\"")?;
    Ok(lake)
}
