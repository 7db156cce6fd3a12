//! The Iceberg REST protocol: Polaris, Lakekeeper, Nessie, Unity, Gravitino and the reference server.
//! <https://iceberg.apache.org/spec/#iceberg-rest-catalog> (`rest-catalog-open-api.yaml`)
//!
//! A commit is one `POST`. It is sent again in one case only: the answer was 401 and a new token could be had, so that
//! the first was certainly not processed. What an answer says of the commit is in [`outcome`]. A server that asks for a
//! pause (`Retry-After`) gets no request from here until it is over.

mod auth;
mod client;
mod config;
mod lend;
mod outcome;
mod paths;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use iceberg::spec::TableMetadata;
use iceberg::{NamespaceIdent, TableIdent, TableRequirement, TableUpdate};
use k2i_domain::lake::Outcome;
use reqwest::Method;

use self::auth::Auth;
use self::client::{Answer, Client};
use self::config::Endpoint;
use self::lend::RestLender;
use self::paths::Paths;
use super::{
    CatalogBackend, CatalogDescription, CatalogError, Draft, LoadedTable, ProbeTable, RestSettings, creation_updates,
};
use crate::storage::Lending;

const READ_CONFIG: &str = "read the catalog's configuration";

/// A REST catalog.
#[derive(Debug, Clone)]
pub struct RestCatalog {
    client: Client,
    paths: Paths,
    endpoints: config::Endpoints,
    lending: Lending,
}

impl RestCatalog {
    /// Logs in and asks the server for its configuration.
    ///
    /// # Errors
    /// When the settings make no sense, the server cannot be reached, or lacks what a commit needs.
    pub async fn open(settings: &RestSettings, warehouse: Option<&str>) -> Result<Self, CatalogError> {
        let base = paths::base(&settings.uri)?;
        let auth = Auth::new(&settings.auth, &base, &settings.hold_off);
        let client = Client::new(auth, settings)?;
        let url = paths::config_url(&base, warehouse);
        let answer = client.send(READ_CONFIG, Method::GET, &url, None).await?;
        if answer.status == 404 {
            let reason = format!("{}; is {base} the address of a REST catalog, without /v1?", answer.reason());
            return Err(CatalogError::Unavailable { operation: READ_CONFIG.to_owned(), reason });
        }
        let config = config::Config::read(&answer.accepted()?.body)?;
        let base = config.uri().map(paths::base).transpose()?.unwrap_or(base);
        if let Some(token_uri) = config.token_uri() {
            client.auth().suggest_token_uri(token_uri).await;
        }
        let endpoints = config.endpoints();
        for needed in [Endpoint::LoadTable, Endpoint::CreateTable, Endpoint::CommitTable] {
            if !endpoints.has(needed) {
                let reason = format!("the server at {base} does not offer {}", needed.name());
                return Err(CatalogError::Settings { reason });
            }
        }
        let paths = Paths::new(base, config.prefix(), config.namespace_separator());
        Ok(Self { client, paths, endpoints, lending: Lending::default() })
    }

    /// The same, noting in `lending` the keys that the server lends.
    #[must_use]
    pub fn lending_to(self, lending: &Lending) -> Self {
        Self { lending: lending.clone(), ..self }
    }

    fn note_loan(&self, table: &TableIdent, loaded: &wire::LoadTable) {
        match lend::loan(loaded, SystemTime::now()) {
            Some(loan) => {
                let (client, paths) = (self.client.clone(), self.paths.clone());
                let lender = RestLender { client, paths, endpoints: self.endpoints.clone() };
                self.lending.put(table, loan, Arc::new(lender));
            }
            None => self.lending.forget(table),
        }
    }

    async fn look_up(&self, namespace: &NamespaceIdent) -> Result<bool, CatalogError> {
        let url = self.paths.namespace(namespace);
        let answer = self.client.send("look up a namespace", Method::GET, &url, None).await?;
        if answer.is_missing() {
            return Ok(false);
        }
        answer.accepted().map(|_| true)
    }

    async fn create_namespace(&self, namespace: &NamespaceIdent) -> Result<(), CatalogError> {
        let body = wire::body(&wire::CreateNamespace::new(namespace))?;
        let url = self.paths.namespaces();
        let answer = self.client.send("create a namespace", Method::POST, &url, Some(body)).await?;
        if answer.is_conflict() {
            return Ok(());
        }
        answer.accepted().map(drop)
    }

    async fn commit_request(
        &self,
        table: &TableIdent,
        requirements: &[TableRequirement],
        updates: &[TableUpdate],
    ) -> Result<Answer, client::Failure> {
        let request = wire::CommitTable { identifier: table, requirements, updates };
        let body = wire::body(&request).map_err(client::Failure::not_sent)?;
        let url = self.paths.table(table);
        self.client.try_send("commit", Method::POST, &url, Some(body)).await
    }
}

#[async_trait]
impl CatalogBackend for RestCatalog {
    async fn load(&self, table: &TableIdent) -> Result<Option<LoadedTable>, CatalogError> {
        let url = self.paths.table(table);
        let answer = self.client.send("load a table", Method::GET, &url, None).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        let loaded = wire::LoadTable::read(table, &answer.accepted()?.body)?;
        self.note_loan(table, &loaded);
        Ok(Some(LoadedTable {
            ident: table.clone(),
            metadata: loaded.metadata.into(),
            metadata_location: loaded.metadata_location,
        }))
    }

    async fn stage(&self, table: &TableIdent, draft: Draft) -> Result<TableMetadata, CatalogError> {
        let body = wire::body(&wire::CreateTable::staged(table, draft))?;
        let url = self.paths.tables(&table.namespace);
        let answer = self.client.send("stage a table", Method::POST, &url, Some(body)).await?;
        if answer.is_conflict() {
            return Err(CatalogError::Exists { table: table.to_string() });
        }
        let staged = wire::LoadTable::read(table, &answer.accepted()?.body)?;
        self.note_loan(table, &staged);
        Ok(staged.metadata)
    }

    async fn create(&self, table: &TableIdent, metadata: TableMetadata) -> Outcome {
        let updates = creation_updates(&metadata);
        let answer = self.commit_request(table, &[TableRequirement::NotExist], &updates).await;
        outcome::of_creation(answer)
    }

    async fn commit(
        &self,
        base: &LoadedTable,
        requirements: Vec<TableRequirement>,
        updates: Vec<TableUpdate>,
    ) -> Outcome {
        outcome::of_commit(self.commit_request(&base.ident, &requirements, &updates).await)
    }

    async fn ensure_namespace(&self, namespace: &NamespaceIdent) -> Result<(), CatalogError> {
        if self.endpoints.has(Endpoint::LoadNamespace) && self.look_up(namespace).await? {
            return Ok(());
        }
        if self.endpoints.has(Endpoint::CreateNamespace) {
            return self.create_namespace(namespace).await;
        }
        // Then the creation of the table says whether it is there.
        Ok(())
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<Option<bool>, CatalogError> {
        if !self.endpoints.has(Endpoint::LoadNamespace) {
            return Ok(None);
        }
        self.look_up(namespace).await.map(Some)
    }

    async fn drop_probe(&self, probe: &ProbeTable) -> Result<(), CatalogError> {
        let url = self.paths.dropped_table(&probe.loaded().ident);
        let answer = self.client.send("drop a probe table", Method::DELETE, &url, None).await?;
        if answer.is_missing() {
            return Ok(());
        }
        answer.accepted().map(drop)
    }

    fn describe(&self) -> CatalogDescription {
        CatalogDescription {
            name: format!("rest {}", self.paths.base()),
            compare_and_set: true,
            keeps_history: true,
            drops_tables: self.endpoints.has(Endpoint::DropTable),
        }
    }
}
