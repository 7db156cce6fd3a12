//! Keys that the server lends with a table ("vended credentials").
//!
//! They come with each answer to a load or a staged creation: in `config` for the whole table, or in
//! `storage-credentials` by prefix. Between loads they are had from the credentials endpoint where the server names it,
//! else by loading the table again.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use iceberg::TableIdent;
use iceberg::spec::TableMetadata;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::client::Client;
use super::config::{Endpoint, Endpoints};
use super::paths::Paths;
use super::wire::LoadTable;
use crate::error::with_sources;
use crate::secret::Secret;
use crate::storage::{Lender, LentKeys, LentPlace, Loan};

/// Properties as servers send them; the values that matter are text.
pub(super) type Properties = BTreeMap<String, Value>;

/// One entry of `storage-credentials`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StorageCredential {
    prefix: String,
    #[serde(default)]
    config: Properties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct CredentialsAnswer {
    #[serde(default)]
    storage_credentials: Vec<StorageCredential>,
}

/// Asks the server again for what it has lent.
#[derive(Debug)]
pub(super) struct RestLender {
    pub(super) client: Client,
    pub(super) paths: Paths,
    pub(super) endpoints: Endpoints,
}

#[async_trait]
impl Lender for RestLender {
    async fn lend(&self, table: &TableIdent, before: &Loan) -> Result<Option<Loan>, String> {
        let by_load = !self.endpoints.has(Endpoint::Credentials);
        let url = if by_load { self.paths.table(table) } else { self.paths.credentials(table) };
        let answer = self.client.send("lend keys to a table's files", Method::GET, &url, None).await;
        let body = answer.and_then(|answer| answer.accepted()).map_err(|error| with_sources(&error))?.body;
        if by_load {
            let loaded = LoadTable::read(table, &body).map_err(|error| with_sources(&error))?;
            return Ok(loan(&loaded, SystemTime::now()));
        }
        let answer: CredentialsAnswer = serde_json::from_slice(&body)
            .map_err(|error| format!("the catalog's answer to a request for credentials cannot be read: {error}"))?;
        // That answer does not say where the store is: what was said with the load holds.
        let place = before.keys.first().map(|(_, keys)| keys.place.clone()).unwrap_or_default();
        let now = SystemTime::now();
        let keys = answer.storage_credentials.iter().filter_map(|entry| {
            let keys = keys(&entry.config, &Properties::new(), now)?;
            Some((entry.prefix.clone(), LentKeys { place: keys.place.clone().or(&place), ..keys }))
        });
        let keys: Vec<_> = keys.collect();
        Ok((!keys.is_empty()).then(|| Loan { folders: before.folders.clone(), keys }))
    }
}

/// What an answer lends; `None`: nothing that this version can use.
pub(super) fn loan(loaded: &LoadTable, now: SystemTime) -> Option<Loan> {
    let common = loaded.config.clone().unwrap_or_default();
    let of_table = keys(&common, &Properties::new(), now).map(|keys| (String::new(), keys));
    let by_prefix = loaded.storage_credentials.iter().flatten();
    let by_prefix = by_prefix.filter_map(|entry| Some((entry.prefix.clone(), keys(&entry.config, &common, now)?)));
    let keys: Vec<_> = of_table.into_iter().chain(by_prefix).collect();
    (!keys.is_empty()).then(|| Loan { folders: folders(&loaded.metadata), keys })
}

/// Where a table's files are.
fn folders(metadata: &TableMetadata) -> Vec<String> {
    let elsewhere = ["write.data.path", "write.metadata.path", "write.folder-storage.path"];
    let elsewhere = elsewhere.iter().filter_map(|key| metadata.properties().get(*key).cloned());
    std::iter::once(metadata.location().to_owned()).chain(elsewhere).collect()
}

/// Keys to S3, if there are some; `common` says what `own` does not.
fn keys(own: &Properties, common: &Properties, now: SystemTime) -> Option<LentKeys> {
    let text = |from: &Properties, key: &str| from.get(key).and_then(Value::as_str).map(str::to_owned);
    let place = |key: &str| text(own, key).or_else(|| text(common, key)).filter(|value| !value.is_empty());
    Some(LentKeys {
        access_key_id: text(own, "s3.access-key-id")?,
        secret_access_key: Secret::new(text(own, "s3.secret-access-key")?),
        session_token: text(own, "s3.session-token").map(Secret::new),
        life: text(own, "s3.session-token-expires-at-ms").and_then(|at| life(&at, now)),
        place: LentPlace {
            region: place("s3.region").or_else(|| place("client.region")),
            endpoint: place("s3.endpoint"),
            path_style: place("s3.path-style-access").and_then(|style| style.parse().ok()),
        },
    })
}

/// From now to a time in milliseconds since 1970; none is left of one that has passed.
fn life(at: &str, now: SystemTime) -> Option<Duration> {
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(at.trim().parse().ok()?))?;
    Some(at.duration_since(now).unwrap_or_default())
}
