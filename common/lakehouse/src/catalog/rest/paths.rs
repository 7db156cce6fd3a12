//! Addresses of the protocol's resources.

use iceberg::{NamespaceIdent, TableIdent};
use url::Url;

use super::super::CatalogError;

/// Builds addresses under one catalog's prefix.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    base: Url,
    prefix: Option<String>,
    /// Stands between the levels of a namespace, already encoded.
    separator: String,
}

impl Paths {
    pub(super) fn new(base: Url, prefix: Option<&str>, separator: Option<&str>) -> Self {
        let prefix = prefix.map(|prefix| prefix.trim_matches('/').to_owned()).filter(|prefix| !prefix.is_empty());
        Self { base, prefix, separator: separator.unwrap_or("%1F").to_owned() }
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    pub(super) fn namespaces(&self) -> Url {
        self.url("namespaces")
    }

    pub(super) fn namespace(&self, namespace: &NamespaceIdent) -> Url {
        self.url(&format!("namespaces/{}", self.encode_namespace(namespace)))
    }

    pub(super) fn tables(&self, namespace: &NamespaceIdent) -> Url {
        self.url(&format!("namespaces/{}/tables", self.encode_namespace(namespace)))
    }

    pub(super) fn table(&self, table: &TableIdent) -> Url {
        let namespace = self.encode_namespace(&table.namespace);
        self.url(&format!("namespaces/{namespace}/tables/{}", encode(&table.name)))
    }

    /// To be dropped; its files stay.
    pub(super) fn dropped_table(&self, table: &TableIdent) -> Url {
        let mut url = self.table(table);
        url.query_pairs_mut().append_pair("purgeRequested", "false");
        url
    }

    /// Of the credentials for a table's files.
    pub(super) fn credentials(&self, table: &TableIdent) -> Url {
        let mut url = self.table(table);
        url.set_path(&format!("{}/credentials", url.path()));
        url
    }

    fn encode_namespace(&self, namespace: &NamespaceIdent) -> String {
        namespace.iter().map(|level| encode(level)).collect::<Vec<_>>().join(&self.separator)
    }

    fn url(&self, path: &str) -> Url {
        let prefix = self.prefix.as_deref().map(|prefix| format!("{prefix}/")).unwrap_or_default();
        under(&self.base, &format!("v1/{prefix}{path}"))
    }
}

/// The server's address without a final slash or `/v1`.
pub(super) fn base(uri: &str) -> Result<Url, CatalogError> {
    let invalid = |why: String| CatalogError::Settings { reason: format!("catalog uri {uri}: {why}") };
    let trimmed = uri.trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/v1").unwrap_or(trimmed);
    let url = Url::parse(trimmed).map_err(|error| invalid(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(invalid("an http or https address was expected".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("a login does not belong into the address".to_owned()));
    }
    Ok(url)
}

pub(super) fn config_url(base: &Url, warehouse: Option<&str>) -> Url {
    let mut url = under(base, "v1/config");
    if let Some(warehouse) = warehouse {
        url.query_pairs_mut().append_pair("warehouse", warehouse);
    }
    url
}

pub(super) fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
