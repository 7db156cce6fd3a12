//! How to reach the stores: plain values, made by the configuration and resolved by each process for itself.

use super::{Lending, Memory, UploadMemory};
use crate::secret::Secret;

/// Settings of every store that a process may meet.
#[derive(Debug, Clone, Default)]
pub struct StorageSettings {
    /// `s3://` locations.
    pub s3: S3Settings,
    /// `memory://` locations.
    pub memory: Memory,
    /// What uploads may hold, whichever store they go to.
    pub uploads: UploadMemory,
    /// What the catalog lends for `s3://` locations.
    pub lending: Lending,
}

/// Settings of S3. What is `None` is taken from what the catalog lends, then from the environment (`AWS_*`), then from
/// the shared credentials file, then from what the machine offers (web identity, container, instance metadata).
#[derive(Debug, Clone, Default)]
pub struct S3Settings {
    /// URL of the service; `None`: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, else Amazon's own.
    pub endpoint: Option<String>,
    /// Region; `None`: `AWS_REGION`, the profile's, else `us-east-1`.
    pub region: Option<String>,
    /// True: `endpoint/bucket/key`; false: `bucket.endpoint/key`. `None`: true where there is an endpoint.
    pub path_style: Option<bool>,
    /// Access key id; needs `secret_access_key`.
    pub access_key_id: Option<String>,
    /// Secret access key.
    pub secret_access_key: Option<Secret>,
    /// Session token of temporary keys.
    pub session_token: Option<Secret>,
    /// Section of the shared credentials file; `None`: `AWS_PROFILE`, else `default`.
    pub profile: Option<String>,
    /// True: requests are not signed (public buckets).
    pub anonymous: bool,
}

impl S3Settings {
    /// True where they say by themselves with which keys, so that no others are looked for.
    #[must_use]
    pub fn names_keys(&self) -> bool {
        self.anonymous || self.access_key_id.is_some() || self.profile.is_some()
    }
}
