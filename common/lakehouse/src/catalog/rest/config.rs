//! The server's configuration: defaults and overrides, and the endpoints that it offers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::super::CatalogError;

/// Answer of `GET /v1/config`.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    defaults: BTreeMap<String, String>,
    #[serde(default)]
    overrides: BTreeMap<String, String>,
    endpoints: Option<BTreeSet<String>>,
}

impl Config {
    pub(super) fn read(body: &[u8]) -> Result<Self, CatalogError> {
        serde_json::from_slice(body).map_err(|error| CatalogError::Unavailable {
            operation: "read the catalog's configuration".to_owned(),
            reason: format!("the answer is not that of a REST catalog: {error}"),
        })
    }

    fn property(&self, key: &str) -> Option<&str> {
        self.overrides.get(key).or_else(|| self.defaults.get(key)).map(String::as_str)
    }

    /// Put between `/v1/` and the resource.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.property("prefix")
    }

    /// Where to go from now on; only an override moves us.
    pub(super) fn uri(&self) -> Option<&str> {
        self.overrides.get("uri").map(String::as_str)
    }

    pub(super) fn namespace_separator(&self) -> Option<&str> {
        self.property("namespace-separator")
    }

    pub(super) fn token_uri(&self) -> Option<&str> {
        self.property("oauth2-server-uri")
    }

    pub(super) fn endpoints(&self) -> Endpoints {
        Endpoints(self.endpoints.clone().filter(|named| !named.is_empty()))
    }
}

/// What this client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    LoadTable,
    CreateTable,
    CommitTable,
    LoadNamespace,
    CreateNamespace,
    DropTable,
    Credentials,
}

impl Endpoint {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LoadTable => "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
            Self::CreateTable => "POST /v1/{prefix}/namespaces/{namespace}/tables",
            Self::CommitTable => "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}",
            Self::LoadNamespace => "GET /v1/{prefix}/namespaces/{namespace}",
            Self::CreateNamespace => "POST /v1/{prefix}/namespaces",
            Self::DropTable => "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
            Self::Credentials => "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials",
        }
    }
}

impl Endpoint {
    /// Whether a server that names no endpoints has it. (REST specification, `getConfig`; the list there is older than
    /// that of credentials.)
    fn is_assumed(self) -> bool {
        !matches!(self, Self::Credentials)
    }
}

/// The endpoints that the server names.
#[derive(Debug, Clone)]
pub(super) struct Endpoints(Option<BTreeSet<String>>);

impl Endpoints {
    pub(super) fn has(&self, endpoint: Endpoint) -> bool {
        self.0.as_ref().map_or(endpoint.is_assumed(), |named| named.contains(endpoint.name()))
    }
}
