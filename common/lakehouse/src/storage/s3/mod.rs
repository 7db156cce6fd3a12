//! S3 and what speaks its protocol.
//!
//! Settings come first, then the environment (`AWS_*`), then the shared credentials file. Uploads in parts are completed
//! under the condition that their name is free, which `object_store` cannot ask for by itself.

mod completion;
mod profile;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig};
use url::Url;

use self::completion::ConditionalCompletion;
use super::{S3Settings, StorageError};

/// A request carries at most 64 MiB.
const REQUEST_TIMEOUT: &str = "120 seconds";
const RETRY: RetryConfig = RetryConfig {
    backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(5), base: 2.0 },
    max_retries: 5,
    retry_timeout: Duration::from_secs(120),
};

/// A client for one bucket.
pub(super) fn client(settings: &S3Settings, bucket: &str) -> Result<AmazonS3, StorageError> {
    let environment = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let built = builder(settings, bucket, &environment)?.with_http_connector(ConditionalCompletion).build();
    built.map_err(|error| settings_error(bucket, error.to_string()))
}

fn builder(
    settings: &S3Settings,
    bucket: &str,
    environment: &BTreeMap<String, String>,
) -> Result<AmazonS3Builder, StorageError> {
    let mut builder = from_environment(environment)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), REQUEST_TIMEOUT)
        .with_bucket_name(bucket)
        .with_retry(RETRY);
    builder = with_credentials(builder, settings, bucket, environment)?;
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
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
) -> Result<AmazonS3Builder, StorageError> {
    if settings.anonymous {
        return Ok(builder.with_skip_signature(true));
    }
    match (&settings.access_key_id, &settings.secret_access_key) {
        (Some(id), Some(secret)) => {
            let builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose());
            // A token of the environment belongs to the keys of the environment.
            return Ok(
                builder.with_token(settings.session_token.as_ref().map(|token| token.expose()).unwrap_or_default())
            );
        }
        (None, None) => {}
        _ => return Err(settings_error(bucket, "give both an access key id and a secret access key, or neither")),
    }
    match profile::find(settings.profile.as_deref(), environment).map_err(|reason| settings_error(bucket, reason))? {
        Some(found) => Ok(found.apply(builder)),
        None => Ok(builder),
    }
}

fn with_endpoint(
    builder: AmazonS3Builder,
    settings: &S3Settings,
    bucket: &str,
) -> Result<AmazonS3Builder, StorageError> {
    let mut builder = builder;
    if let Some(path_style) = settings.path_style {
        builder = builder.with_virtual_hosted_style_request(!path_style);
    }
    let configured = settings.endpoint.clone();
    let endpoint = configured
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::S3Endpoint))
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::Endpoint));
    let Some(endpoint) = endpoint else { return Ok(secure(builder)) };
    let mut url = Url::parse(&endpoint)
        .map_err(|error| settings_error(bucket, format!("endpoint {endpoint} is not a URL: {error}")))?;
    if settings.path_style == Some(false) {
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
