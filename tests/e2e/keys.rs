//! Keys to S3 that do not last: lent by the catalog, had for a role, exchanged in a file. Fronts before the catalog and the
//! store let nobody in without good ones; no process has any others.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use k2i_tests::components::{RestCatalog, S3, Variable};
use k2i_tests::front::{Behind, Front, Request, Response};
use k2i_tests::ports;
use k2i_tests::scene::{Scene, scene};
use k2i_tests::wait::{Look, until};
use serde_json::json;

use super::feed::{Feed, text};
use super::fronts::{ORDERS, PER_SECOND, on_rest};
use super::lake::{Lake, wait_said};
use super::table::Table;

#[test]
fn keys_that_the_catalog_lends_are_used_and_renewed() {
    scene("keys_that_the_catalog_lends_are_used_and_renewed", |scene| {
        let (catalog, s3) = (RestCatalog::shared()?, S3::shared()?);
        let desk = Arc::new(Desk::default());
        let checking = Arc::clone(&desk);
        let store = Front::before(s3.port(), move |request, behind| checking.store(request, behind))?;
        let (lending, address) = (Arc::clone(&desk), store.url());
        let front = Front::before(catalog.port(), move |request, behind| lending.catalog(request, behind, &address))?;
        let mut feed = Feed::create(scene, "front-keys", 2)?;
        // Neither the file nor the environment has keys, or says where the store is.
        let mut lake = on_rest(scene, &front, "shop.keys", feed.topic(), "")?;
        lake.variables = vec![("AWS_METADATA_ENDPOINT", nobody()?)];

        let k2i = lake.ingest()?;
        feed.produce_slowly(ORDERS, PER_SECOND)?.finish()?;
        let table = Table::in_rest(catalog, s3, "shop.keys");
        table.wait_rows(scene, u64::from(ORDERS))?;
        // With nothing to do it loads no table, and all keys that it has run out.
        until("every lent key to run out", 5 * LOAN, || {
            Ok(if desk.all_ended() { Look::Done(()) } else { Look::NotYet("some are good".to_owned()) })
        })?;
        feed.produce_from(ORDERS, 100)?;
        let rows = u64::from(ORDERS) + 100;
        table.wait_rows(scene, rows)?;
        k2i.drain()?;
        table.check_places(scene, feed.acks(), rows)?;
        let (used, late, foreign) = desk.counts();
        println!("{used} lent keys used, {late} requests too late");
        ensure!(used >= 3, "only {used} of the lent keys were used: none ran out");
        ensure!(foreign == 0, "{foreign} requests came with keys that were never lent");
        // On a busy machine a request may be on its way when its key ends.
        ensure!(late <= 2, "{late} requests came with keys that had run out");
        Ok(())
    });
}

/// How long lent keys are good.
const LOAN: Duration = Duration::from_secs(6);

/// Lends keys with each table, and lets nobody into the store without good ones.
#[derive(Default)]
struct Desk(Mutex<Lent>);

#[derive(Default)]
struct Lent {
    /// When each key ends, and how often it was used.
    keys: BTreeMap<String, (Instant, u32)>,
    /// Requests with keys that had run out.
    late: u32,
    /// Requests with others.
    foreign: u32,
}

impl Lent {
    /// Whether a request with this key is let in; keeps count.
    fn admits(&mut self, id: &str) -> bool {
        match self.keys.get_mut(id) {
            Some((ends, uses)) if Instant::now() < *ends => {
                *uses += 1;
                true
            }
            Some(_) => {
                self.late += 1;
                false
            }
            None => {
                self.foreign += 1;
                false
            }
        }
    }

    fn counts(&self) -> (usize, u32, u32) {
        (self.keys.values().filter(|(_, uses)| *uses > 0).count(), self.late, self.foreign)
    }
}

impl Desk {
    fn catalog(&self, request: Request, behind: Behind, store: &str) -> Result<Response> {
        let response = behind.ask(&request)?;
        let mut body = response.body_json();
        let asked = request.header("x-iceberg-access-delegation") == Some("vended-credentials");
        if response.status != 200 || !asked || body["metadata"].is_null() {
            return Ok(response);
        }
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = format!("LENT{}", lent.keys.len());
        lent.keys.insert(id.clone(), (Instant::now() + LOAN, 0));
        let ends = (SystemTime::now() + LOAN).duration_since(UNIX_EPOCH)?.as_millis().to_string();
        let location = body["metadata"]["location"].as_str().context("a table has a location")?.to_owned();
        let keys = json!({
            "s3.access-key-id": id, "s3.secret-access-key": "lent-secret", "s3.session-token": "lent-token",
            "s3.session-token-expires-at-ms": ends,
        });
        body["config"] = json!({"s3.endpoint": store, "s3.path-style-access": "true", "client.region": "us-east-1"});
        body["storage-credentials"] = json!([{"prefix": location, "config": keys}]);
        Ok(Response::json(200, &body))
    }

    fn store(&self, request: Request, behind: Behind) -> Result<Response> {
        let (id, _) = signed(&request);
        let tokened = request.header("x-amz-security-token") == Some("lent-token");
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).admits(if tokened { &id } else { "" }) {
            return Ok(refusal("ExpiredToken"));
        }
        behind.ask(&request)
    }

    fn all_ended(&self) -> bool {
        let lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lent.keys.values().all(|(ends, _)| *ends < Instant::now())
    }

    fn counts(&self) -> (usize, u32, u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counts()
    }
}

/// The id of the key that a request is signed with, and the service that it is meant for.
fn signed(request: &Request) -> (String, String) {
    let header = request.header("authorization").unwrap_or_default();
    let scope = header.split_once("Credential=").map(|(_, rest)| rest.split(',').next().unwrap_or_default());
    let parts: Vec<&str> = scope.unwrap_or_default().split('/').collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_owned();
    (part(0), part(3))
}

fn refusal(code: &str) -> Response {
    Response::text(403, "application/xml", &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}

#[test]
fn a_role_is_taken_on_again_before_its_keys_run_out() {
    scene("a_role_is_taken_on_again_before_its_keys_run_out", |scene| {
        let (catalog, s3) = (RestCatalog::shared()?, S3::shared()?);
        let service = Arc::new(TokenService::default());
        let checking = Arc::clone(&service);
        let front = Front::before(s3.port(), move |request, behind| checking.answer(request, behind))?;
        let files = Files::write(
            scene,
            "[profile writer]\nrole_arn = arn:aws:iam::123456789012:role/lake-writer\n\
            source_profile = base\nexternal_id = outside\n",
            "[base]\naws_access_key_id = BASE\naws_secret_access_key = b\n",
        )?;
        let mut feed = Feed::create(scene, "keys-role", 1)?;
        let mut lake = on_store(scene, catalog, "shop.role", feed.topic(), "profile = \"writer\"")?;
        lake.variables = files.variables(&front)?;

        let k2i = lake.ingest()?;
        let tally = feed.produce_slowly(ORDERS, PER_SECOND)?.finish()?;
        let table = Table::in_rest(catalog, s3, "shop.role");
        table.wait_rows(scene, u64::from(ORDERS))?;
        k2i.drain()?;
        table.check_exact(scene, feed.acks(), &tally)?;
        let (used, late, foreign) = service.counts();
        println!("keys of {used} times that the role was taken on, {late} requests too late");
        ensure!(used >= 3, "the role was taken on {used} times: its keys never ran out");
        ensure!(foreign == 0, "{foreign} requests came with keys that are not the role's");
        ensure!(late <= 2, "{late} requests came with keys that had run out");
        Ok(())
    });
}

/// STS and S3 behind one address: lets into S3 only whom STS has given keys, for seconds.
#[derive(Default)]
struct TokenService(Mutex<Lent>);

impl TokenService {
    fn answer(&self, request: Request, behind: Behind) -> Result<Response> {
        let (id, service) = signed(&request);
        if service == "sts" {
            let form = String::from_utf8_lossy(&request.body).into_owned();
            if id != "BASE" || !form.contains("ExternalId=outside") || !form.contains("lake-writer") {
                return Ok(refusal("AccessDenied"));
            }
            return self.grant(behind.ask(&request)?);
        }
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).admits(&id) {
            return Ok(refusal("ExpiredToken"));
        }
        behind.ask(&request)
    }

    /// As STS has answered, but for the end, which it never sets before a quarter of an hour.
    fn grant(&self, mut response: Response) -> Result<Response> {
        let text = String::from_utf8(response.body)?;
        let within = |tag: &str| {
            let (_, rest) = text.split_once(&format!("<{tag}>")).with_context(|| format!("no {tag}: {text}"))?;
            Ok::<_, anyhow::Error>(rest.split('<').next().unwrap_or_default().to_owned())
        };
        let (id, end) = (within("AccessKeyId")?, within("Expiration")?);
        let mut lent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lent.keys.insert(id, (Instant::now() + LOAN, 0));
        let soon = DateTime::<Utc>::from(SystemTime::now() + LOAN).to_rfc3339();
        response.body = text.replace(&end, &soon).into_bytes();
        Ok(response)
    }

    fn counts(&self) -> (usize, u32, u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counts()
    }
}

#[test]
fn keys_that_are_exchanged_in_a_file_are_read_again() {
    scene("keys_that_are_exchanged_in_a_file_are_read_again", |scene| {
        let (catalog, s3) = (RestCatalog::shared()?, S3::shared()?);
        let good = Arc::new(Mutex::new("FIRST".to_owned()));
        let known = Arc::clone(&good);
        let front = Front::before(s3.port(), move |request, behind| {
            let welcome = signed(&request).0 == *known.lock().unwrap_or_else(PoisonError::into_inner);
            if welcome { behind.ask(&request) } else { Ok(refusal("InvalidAccessKeyId")) }
        })?;
        let credentials = |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = s\n");
        let files = Files::write(scene, "", &credentials("FIRST"))?;
        let mut feed = Feed::create(scene, "keys-file", 1)?;
        let mut lake = on_store(scene, catalog, "shop.exchanged", feed.topic(), "")?;
        lake.variables = files.variables(&front)?;
        let mut k2i = lake.ingest()?;
        feed.produce(500)?;
        let table = Table::in_rest(catalog, s3, "shop.exchanged");
        table.wait_rows(scene, 500)?;

        // The old key is taken away first, so that the process is refused, and says why.
        *good.lock().unwrap_or_else(PoisonError::into_inner) = "SECOND".to_owned();
        feed.produce_from(500, 500)?;
        wait_said(&mut k2i, &["the store does not know the access key"])?;
        files.exchange(&credentials("SECOND"))?;
        table.wait_rows(scene, 1_000)?;
        k2i.drain()?;
        table.check_places(scene, feed.acks(), 1_000)
    });
}

/// The files of the AWS tools.
struct Files {
    config: String,
    credentials: String,
}

impl Files {
    fn write(scene: &Scene, config: &str, credentials: &str) -> Result<Self> {
        let place = |name: &str, content: &str| {
            fs::write(scene.path(name), content)?;
            Ok::<_, anyhow::Error>(text(&scene.path(name))?.to_owned())
        };
        Ok(Self { config: place("aws-config", config)?, credentials: place("aws-credentials", credentials)? })
    }

    /// Puts other credentials in place at once, as tools do.
    fn exchange(&self, credentials: &str) -> Result<()> {
        let beside = format!("{}.new", self.credentials);
        fs::write(&beside, credentials)?;
        Ok(fs::rename(&beside, &self.credentials)?)
    }

    fn variables(&self, front: &Front) -> Result<Vec<Variable>> {
        Ok(vec![
            ("AWS_CONFIG_FILE", self.config.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", self.credentials.clone()),
            ("AWS_ENDPOINT_URL", front.url()),
            ("AWS_METADATA_ENDPOINT", nobody()?),
        ])
    }
}

/// Where a machine in Amazon's cloud would be asked for keys.
fn nobody() -> Result<String> {
    Ok(format!("http://127.0.0.1:{}", ports::free()?))
}

/// One table of the shared catalog, with further lines of `[storage]`.
fn on_store<'a>(scene: &'a Scene, catalog: &RestCatalog, table: &str, topic: &str, more: &str) -> Result<Lake<'a>> {
    let mut lake = Lake::new(scene)?;
    let (uri, warehouse) = (catalog.url(), RestCatalog::WAREHOUSE);
    let iceberg = format!("catalog_type = \"rest\"\nrest_uri = \"{uri}\"\nwarehouse = \"{warehouse}\"");
    lake.table(table, topic, &iceberg, &format!("type = \"s3\"\n{more}"))?;
    Ok(lake)
}
