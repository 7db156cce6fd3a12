//! Checks of `[iceberg]`: names, the catalog's address and login, the configured schema.

use std::path::PathBuf;

use url::Url;

use super::{Checker, absolute};
use crate::config::choice::CatalogType;
use crate::config::keys::Iceberg;
use crate::config::model::{CatalogConfig, IcebergConfig, RestAuth, RestCatalogConfig, SqlCatalogConfig};
use crate::config::problem::{Place, Sourced};
use crate::config::resolve::ResolvedTable;

/// Longest namespace level, table name or catalog name, in bytes: the first two become parts of object names.
const MAX_NAME: usize = 255;

impl Checker<'_> {
    /// Levels of the namespace, and the table's name.
    pub(super) fn table_name(&mut self, table: &ResolvedTable) -> Option<(Vec<String>, String)> {
        let iceberg = &table.iceberg;
        let namespace = match &iceberg.database {
            Some(database) => self.check(database, check_namespace(&database.value)),
            None => {
                self.missing_in_table(table, "iceberg", "database");
                None
            }
        };
        let name = match &iceberg.table {
            Some(name) => self.check(name, check_name(&name.value).map(|()| name.value.clone())),
            None => {
                self.missing_in_table(table, "iceberg", "table");
                None
            }
        };
        namespace.zip(name)
    }

    pub(super) fn iceberg(
        &mut self,
        table: &ResolvedTable,
        name: Option<&(Vec<String>, String)>,
        several_topics: bool,
    ) -> Option<IcebergConfig> {
        let iceberg = &table.iceberg;
        let metadata_columns = self.metadata_columns(table, several_topics);
        let catalog = match iceberg.catalog_type.value {
            CatalogType::Rest => self.rest(iceberg).map(CatalogConfig::Rest),
            CatalogType::Sql => self.sql(table).map(CatalogConfig::Sql),
        };
        let (namespace, name) = name?.clone();
        Some(IcebergConfig {
            catalog: catalog?,
            namespace,
            table: name,
            max_requests_per_second: iceberg.max_requests_per_second.value.0,
            metadata_columns,
            columns: iceberg.columns.as_ref().map(|columns| columns.value.0.clone()),
            format: iceberg.format.value,
            on_unknown_field: iceberg.on_unknown_field.value,
            on_null_value: iceberg.on_null_value.value,
        })
    }

    fn rest(&mut self, iceberg: &Iceberg) -> Option<RestCatalogConfig> {
        self.only_for("catalog_type", &iceberg.catalog_type, iceberg.sql_uri.as_ref(), "\"sql\"");
        let named = Some(&iceberg.catalog_name).filter(|name| name.place != Place::Nowhere);
        self.only_for("catalog_type", &iceberg.catalog_type, named, "\"sql\"");
        let auth = self.auth(iceberg);
        let Some(uri) = &iceberg.rest_uri else {
            self.missing("iceberg", "rest_uri", ", needed by catalog_type = \"rest\"");
            return None;
        };
        let uri = self.check(uri, check_http(&uri.value))?;
        let uri = uri.strip_suffix("/v1").unwrap_or(&uri).to_owned();
        let warehouse = iceberg.warehouse.as_ref().map(|warehouse| warehouse.value.clone());
        let access_delegation = iceberg.access_delegation.value;
        Some(RestCatalogConfig { uri, warehouse, auth: auth?, access_delegation })
    }

    fn auth(&mut self, iceberg: &Iceberg) -> Option<RestAuth> {
        let server = iceberg.oauth2_server_uri.as_ref();
        let checked = server.map(|uri| self.check(uri, check_http(&uri.value)));
        match (&iceberg.credential, &iceberg.token) {
            (Some(_), Some(token)) => {
                self.problem(token, "stands beside `credential`: give one of the two");
                None
            }
            (Some(credential), None) => Some(RestAuth::ClientCredentials {
                credential: self.secret(credential)?,
                server_uri: checked.map_or(Some(None), |uri| uri.map(Some))?,
                scope: iceberg.scope.as_ref().map(|scope| scope.value.clone()),
            }),
            (None, token) => {
                for unused in [server, iceberg.scope.as_ref()].into_iter().flatten() {
                    self.problem(unused, "has no effect without `credential`");
                }
                token.as_ref().map_or(Some(RestAuth::None), |token| self.secret(token).map(RestAuth::Token))
            }
        }
    }

    fn sql(&mut self, table: &ResolvedTable) -> Option<SqlCatalogConfig> {
        let iceberg = &table.iceberg;
        let catalog = &iceberg.catalog_type;
        for text in [&iceberg.rest_uri, &iceberg.oauth2_server_uri, &iceberg.scope] {
            self.only_for("catalog_type", catalog, text.as_ref(), "\"rest\"");
        }
        for secret in [&iceberg.credential, &iceberg.token] {
            self.only_for("catalog_type", catalog, secret.as_ref(), "\"rest\"");
        }
        let database = match &iceberg.sql_uri {
            None => Some(self.data_dir.join("catalog.db")),
            Some(uri) => {
                let path = self.check(uri, check_sqlite(&uri.value));
                path.map(|path| absolute(self.working_directory, &path))
            }
        };
        let name = self.check(&iceberg.catalog_name, check_catalog_name(&iceberg.catalog_name.value));
        let warehouse = self.sql_warehouse(&table.storage, iceberg);
        Some(SqlCatalogConfig { database: database?, name: name?, warehouse: warehouse? })
    }

    /// A key that belongs to another type than the one in force. By default only, it is a mistake: the user meant that
    /// other type. Where the type was chosen, it is only idle (a table may differ from what it inherits).
    pub(super) fn only_for<C, T>(&mut self, name: &str, choice: &Sourced<C>, at: Option<&Sourced<T>>, wanted: &str) {
        let Some(at) = at else { return };
        if choice.place == Place::Nowhere {
            self.problem(at, format!("needs {name} = {wanted}, which is not set"));
        } else {
            self.warnings.insert(format!("{}: has no effect without {name} = {wanted}", at.key));
        }
    }
}

fn check_namespace(database: &str) -> Result<Vec<String>, String> {
    database.split('.').map(|level| check_name(level).map(|()| level.to_owned())).collect()
}

/// A namespace level or table name: becomes part of object names, so nothing that a path would read otherwise.
fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("has an empty part".to_owned());
    }
    if name.len() > MAX_NAME {
        return Err(format!("{name:?} is {} bytes long, {MAX_NAME} at most", name.len()));
    }
    match name.chars().find(|c| matches!(c, '.' | '/' | '\\' | '"' | '`' | '%' | '?' | '#') || c.is_whitespace()) {
        Some(c) => Err(format!("{name:?} contains {c:?}, which is not allowed in a name")),
        None => Ok(()),
    }
}

/// A SQL catalog's name: text of a column that is declared for so many bytes.
fn check_catalog_name(name: &str) -> Result<String, String> {
    if name.len() > MAX_NAME {
        return Err(format!("{name:?} is {} bytes long, {MAX_NAME} at most", name.len()));
    }
    Ok(name.to_owned())
}

/// An `http` or `https` address, without a final slash.
pub(super) fn check_http(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is not an address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("{text:?} must begin with http:// or https:// and name a host"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("must be an address alone, without user, password, ? or #".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The path in `sqlite:path`.
fn check_sqlite(uri: &str) -> Result<PathBuf, String> {
    let Some(path) = uri.strip_prefix("sqlite:") else {
        let scheme = uri.split(':').next().unwrap_or_default();
        return Err(match scheme {
            "postgres" | "postgresql" | "mysql" | "jdbc" => {
                format!("a SQL catalog on {scheme} is not in this version; use sqlite:PATH")
            }
            _ => "must be sqlite: and a path, for example sqlite:./k2i-data/catalog.db".to_owned(),
        });
    };
    if path.is_empty() || path.starts_with(":memory:") {
        return Err("needs a file: a catalog in memory would be lost with the process".to_owned());
    }
    if path.starts_with("//") || path.contains('?') {
        return Err("must be sqlite: and a path alone: sqlite:/absolute/path or sqlite:relative/path".to_owned());
    }
    Ok(PathBuf::from(path))
}
