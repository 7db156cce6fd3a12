//! S3 and what speaks its protocol.
//!
//! Keys: those of the settings, else of the named profile, else what the catalog lends for the table, else the
//! environment's (`AWS_*`), else those of the shared credentials file, else what the machine offers. Whatever can change
//! while the process runs is fetched again in time ([`keys`]). Uploads in parts are completed under the condition that
//! their name is free, which `object_store` cannot ask for by itself ([`connector`]).

mod connector;
mod keys;
mod lent;
mod profile;
mod role;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig, StaticCredentialProvider};
use url::Url;

use self::connector::Connector;
use self::keys::{Keys, Renewed};
use self::lent::Lent;
use super::lending::{Claim, Lending, LentPlace};
use super::{S3Settings, StorageError};

/// A request carries at most 64 MiB.
const REQUEST_TIMEOUT: &str = "120 seconds";
const RETRY: RetryConfig = RetryConfig {
    backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(5), base: 2.0 },
    max_retries: 5,
    retry_timeout: Duration::from_secs(120),
};

/// What a client is made of.
#[derive(Debug)]
struct Parts {
    builder: AmazonS3Builder,
    keys: Option<Arc<dyn Keys>>,
}

/// A client for one bucket.
pub(super) fn client(settings: &S3Settings, bucket: &str) -> Result<AmazonS3, StorageError> {
    build(parts(settings, bucket, &environment())?, bucket)
}

/// A client for one bucket with keys that the catalog lends.
pub(super) fn lent_client(
    settings: &S3Settings,
    bucket: &str,
    lending: &Lending,
    claim: Claim,
    place: LentPlace,
) -> Result<AmazonS3, StorageError> {
    let settings = S3Settings {
        endpoint: settings.endpoint.clone().or(place.endpoint),
        region: settings.region.clone().or(place.region),
        path_style: settings.path_style.or(place.path_style),
        ..S3Settings::default()
    };
    let environment = environment();
    let builder = with_place(base(bucket, &environment), &settings, bucket)?;
    let keys: Arc<dyn Keys> = Arc::new(Renewed::new(Lent::new(lending.clone(), claim)));
    build(Parts { builder, keys: Some(keys) }, bucket)
}

fn environment() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))).collect()
}

fn build(parts: Parts, bucket: &str) -> Result<AmazonS3, StorageError> {
    let Parts { mut builder, keys } = parts;
    if let Some(keys) = &keys {
        builder = builder.with_credentials(Arc::clone(keys) as _);
    }
    let built = builder.with_http_connector(Connector { keys }).build();
    built.map_err(|error| settings_error(bucket, error.to_string()))
}

fn parts(settings: &S3Settings, bucket: &str, environment: &BTreeMap<String, String>) -> Result<Parts, StorageError> {
    let (builder, keys) = with_credentials(base(bucket, environment), settings, bucket, environment)?;
    Ok(Parts { builder: with_place(builder, settings, bucket)?, keys })
}

fn base(bucket: &str, environment: &BTreeMap<String, String>) -> AmazonS3Builder {
    from_environment(environment)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
        .with_bucket_name(bucket)
        .with_retry(RETRY)
}

fn with_place(builder: AmazonS3Builder, settings: &S3Settings, bucket: &str) -> Result<AmazonS3Builder, StorageError> {
    let builder = match &settings.region {
        Some(region) => builder.with_region(region),
        None => builder,
    };
    with_endpoint(builder, settings, bucket)
}

fn from_environment(environment: &BTreeMap<String, String>) -> AmazonS3Builder {
    let known = environment.iter().filter(|(key, _)| key.starts_with("AWS_")).filter_map(|(key, value)| {
        let key: AmazonS3ConfigKey = key.to_ascii_lowercase().parse().ok()?;
        Some((key, value))
    });
    known.fold(AmazonS3Builder::new(), |builder, (key, value)| builder.with_config(key, value))
}

fn with_credentials(
    builder: AmazonS3Builder,
    settings: &S3Settings,
    bucket: &str,
    environment: &BTreeMap<String, String>,
) -> Result<(AmazonS3Builder, Option<Arc<dyn Keys>>), StorageError> {
    if settings.anonymous {
        return Ok((builder.with_skip_signature(true), None));
    }
    match (&settings.access_key_id, &settings.secret_access_key) {
        (Some(id), Some(secret)) => {
            let builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose());
            // A token of the environment belongs to the keys of the environment.
            let token = settings.session_token.as_ref().map(|token| token.expose().to_owned());
            let keys = AwsCredential { key_id: id.clone(), secret_key: secret.expose().to_owned(), token };
            // As a provider of their own: the builder would send an empty token along, which stores refuse.
            return Ok((builder.with_credentials(Arc::new(StaticCredentialProvider::new(keys))), None));
        }
        (None, None) => {}
        _ => return Err(settings_error(bucket, "give both an access key id and a secret access key, or neither")),
    }
    let found = profile::find(settings.profile.as_deref(), settings.region.as_deref(), environment);
    Ok(match found.map_err(|reason| settings_error(bucket, reason))? {
        Some(profile) => {
            let builder = profile.apply(builder);
            (builder, Some(Arc::new(Renewed::new(profile)) as Arc<dyn Keys>))
        }
        None => (builder, None),
    })
}

fn with_endpoint(
    builder: AmazonS3Builder,
    settings: &S3Settings,
    bucket: &str,
) -> Result<AmazonS3Builder, StorageError> {
    let mut builder = builder;
    let configured = settings.endpoint.clone();
    let endpoint = configured
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::S3Endpoint))
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::Endpoint));
    let said = builder.get_config_value(&AmazonS3ConfigKey::VirtualHostedStyleRequest);
    let path_style = settings.path_style.or(if said.as_deref() == Some("true") { Some(false) } else { None });
    let path_style = path_style.unwrap_or(endpoint.is_some());
    builder = builder.with_virtual_hosted_style_request(!path_style);
    let Some(endpoint) = endpoint else { return Ok(secure(builder)) };
    let mut url = Url::parse(&endpoint)
        .map_err(|error| settings_error(bucket, format!("endpoint {endpoint} is not a URL: {error}")))?;
    if !path_style {
        let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
        url.set_host(Some(&host)).map_err(|error| settings_error(bucket, format!("host {host}: {error}")))?;
    }
    builder = match url.scheme() {
        "http" => builder.with_allow_http(true),
        _ => secure(builder),
    };
    // This key wins over the environment's generic endpoint.
    Ok(builder.with_config(AmazonS3ConfigKey::S3Endpoint, url.as_str().trim_end_matches('/')))
}

/// TLS guards the payload already; signing it too would cost more CPU than all the rest of an upload.
fn secure(builder: AmazonS3Builder) -> AmazonS3Builder {
    builder.with_unsigned_payload(true)
}

fn settings_error(bucket: &str, reason: impl Into<String>) -> StorageError {
    StorageError::Settings { location: format!("s3://{bucket}"), reason: reason.into() }
}
