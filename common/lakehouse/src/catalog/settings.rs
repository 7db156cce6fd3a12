//! Which catalog, as plain values; the configuration makes them.

use std::time::Duration;

use super::{HoldOff, MemoryCatalog};
use crate::secret::Secret;

/// A catalog connection.
#[derive(Debug, Clone)]
pub struct CatalogSettings {
    /// The catalog's name. In SQL catalogs it is part of every key: other engines must use the same.
    pub name: String,
    /// Where new tables go. SQL: a folder or bucket, `<warehouse>/<namespace>/<table>`. REST: the server's own name for
    /// a warehouse, and optional.
    pub warehouse: Option<String>,
    /// The product.
    pub kind: CatalogKind,
}

/// The catalogs that this version knows.
#[derive(Debug, Clone)]
pub enum CatalogKind {
    /// The SQL catalog of PyIceberg and of Java's `JdbcCatalog`, on SQLite.
    Sqlite {
        /// `sqlite:///absolute/path.db` or `sqlite:relative.db`.
        uri: String,
    },
    /// The Iceberg REST protocol.
    Rest(RestSettings),
    /// Within this process, for tests.
    Memory(MemoryCatalog),
}

/// A REST catalog.
#[derive(Debug, Clone)]
pub struct RestSettings {
    /// Its address, without `/v1`.
    pub uri: String,
    /// How to log in.
    pub auth: RestAuth,
    /// Longest time for one request, from its first byte to the answer's last.
    pub request_timeout: Duration,
    /// True: it is asked for keys to the files of its tables.
    pub vended_credentials: bool,
    /// Where its requests for a pause are noted. Connections to one server share it.
    pub hold_off: HoldOff,
}

impl RestSettings {
    /// Settings without a login and with the default time limit.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            auth: RestAuth::None,
            request_timeout: Duration::from_secs(60),
            vended_credentials: true,
            hold_off: HoldOff::default(),
        }
    }
}

/// How to log in at a REST catalog.
#[derive(Debug, Clone)]
pub enum RestAuth {
    /// Not at all.
    None,
    /// A bearer token that does not change.
    Bearer(Secret),
    /// OAuth2 client credentials, exchanged for tokens that are renewed before they expire.
    ClientCredentials(ClientCredentials),
}

/// OAuth2 client credentials (RFC 6749, section 4.4).
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// `client-id:client-secret`, or the secret alone.
    pub credential: Secret,
    /// Where they are exchanged; `None`: what the catalog's configuration says, else `<uri>/v1/oauth/tokens`.
    pub token_uri: Option<String>,
    /// Scope to ask for; `None`: `catalog`.
    pub scope: Option<String>,
    /// Audience to ask for, where the issuer wants one.
    pub audience: Option<String>,
    /// Resource to ask for, where the issuer wants one (RFC 8707).
    pub resource: Option<String>,
}
