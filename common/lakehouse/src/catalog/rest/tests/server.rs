//! A small REST catalog over the in-memory one, with a log of what was asked and a script of what to answer instead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use iceberg::spec::{FormatVersion, Schema, SortOrder, TableMetadata, TableMetadataBuilder, UnboundPartitionSpec};
use iceberg::{NamespaceIdent, TableIdent, TableRequirement, TableUpdate};
use k2i_domain::lake::Outcome;
use serde_json::{Value, json};

use crate::catalog::{CatalogBackend, Draft, LoadedTable, MemoryCatalog};

/// The running server; ends with the test's runtime.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) uri: String,
    pub(super) catalog: MemoryCatalog,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
pub(super) struct Shared {
    /// Answer of `/v1/config`.
    pub(super) config: Value,
    /// Bearer tokens that are let in; empty: everybody is.
    pub(super) tokens: Vec<String>,
    /// What the token endpoint grants, in order; the last one stays.
    pub(super) grants: VecDeque<Value>,
    /// Answers instead of the real ones, by method and end of path; used once each.
    pub(super) script: Vec<(&'static str, &'static str, Scripted)>,
    /// Method, path with query, and body of every request.
    pub(super) log: Vec<(String, String, String)>,
    /// `config` of each loaded or staged table, and its `storage-credentials`.
    pub(super) table_config: Value,
    pub(super) storage_credentials: Value,
    /// What was asked to be delegated, request by request.
    pub(super) delegation: Vec<Option<String>>,
    namespaces: Vec<String>,
}

#[derive(Clone, Copy)]
pub(super) enum Scripted {
    /// This status and body instead of doing anything.
    Answer(u16, &'static str),
    /// This status with this `Retry-After` instead of doing anything.
    Later(u16, &'static str),
    /// A redirect to this address.
    Moved(&'static str),
    /// Do it, then answer this.
    AfterDoing(u16),
    /// Do it, and break the connection.
    Break,
    /// Do it, and never answer.
    Hang,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared { config: json!({"defaults": {}, "overrides": {}}), ..Shared::default() };
        let catalog = MemoryCatalog::new("memory://house");
        let server = Self { uri, catalog, shared: Arc::new(Mutex::new(shared)) };
        let handler = server.clone();
        let app = Router::new().fallback(async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            handler.handle(&method, &uri, &headers, &body).await
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> T {
        change(&mut self.shared.lock().unwrap())
    }

    pub(super) fn script(&self, method: &'static str, path: &'static str, answer: Scripted) {
        self.with(|shared| shared.script.push((method, path, answer)));
    }

    /// Paths of the requests so far.
    pub(super) fn paths(&self) -> Vec<String> {
        self.with(|shared| shared.log.iter().map(|(method, path, _)| format!("{method} {path}")).collect())
    }

    async fn handle(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
        let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let scripted = self.with(|shared| {
            shared.log.push((method.to_string(), path.clone(), text));
            let asked = headers.get("x-iceberg-access-delegation");
            shared.delegation.push(asked.map(|value| value.to_str().unwrap().to_owned()));
            let at = shared.script.iter().position(|(m, p, _)| method == *m && path.ends_with(p));
            at.map(|at| shared.script.remove(at).2)
        });
        match scripted {
            None => self.answer(method, uri.path(), headers, body).await,
            Some(Scripted::Answer(status, text)) => respond(status, text.to_owned()),
            Some(Scripted::Later(status, when)) => {
                ([("retry-after", when)], respond(status, "{}".to_owned())).into_response()
            }
            Some(Scripted::Moved(address)) => ([("location", address)], respond(301, String::new())).into_response(),
            Some(Scripted::AfterDoing(status)) => {
                self.answer(method, uri.path(), headers, body).await;
                respond(status, "a proxy's page".to_owned())
            }
            Some(Scripted::Break) => {
                self.answer(method, uri.path(), headers, body).await;
                let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
                axum::body::Body::from_stream(broken).into_response()
            }
            Some(Scripted::Hang) => {
                self.answer(method, uri.path(), headers, body).await;
                std::future::pending().await
            }
        }
    }

    async fn answer(&self, method: &Method, path: &str, headers: &HeaderMap, body: &Bytes) -> Response {
        if path.ends_with("/tokens") {
            return self.grant();
        }
        let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let welcome = self.with(|shared| {
            shared.tokens.is_empty() || shared.tokens.iter().any(|known| Some(format!("Bearer {known}")) == token)
        });
        if !welcome {
            return error(401, "NotAuthorizedException", "who are you?");
        }
        if path.ends_with("/v1/config") {
            return respond(200, self.with(|shared| shared.config.to_string()));
        }
        let after = path.split_once("/namespaces").map(|(_, after)| after).unwrap_or_default();
        let parts: Vec<&str> = after.split('/').skip(1).collect();
        match (method.as_str(), parts.as_slice()) {
            ("POST", []) => self.create_namespace(body).await,
            ("GET", [namespace]) => self.load_namespace(namespace),
            ("POST", [namespace, "tables"]) => self.stage(namespace, body).await,
            ("GET", [_, "tables", _, "credentials"]) => {
                let credentials = self.with(|shared| shared.storage_credentials.clone());
                respond(200, json!({"storage-credentials": credentials}).to_string())
            }
            ("GET", [namespace, "tables", table]) => self.load(&ident(namespace, table)).await,
            ("POST", [namespace, "tables", table]) => self.commit(&ident(namespace, table), body).await,
            ("DELETE", [namespace, "tables", table]) => {
                self.catalog.drop_table(&ident(namespace, table));
                respond(204, String::new())
            }
            _ => respond(404, "no such page".to_owned()),
        }
    }

    fn grant(&self) -> Response {
        let grant =
            self.with(
                |shared| {
                    if shared.grants.len() > 1 { shared.grants.pop_front() } else { shared.grants.front().cloned() }
                },
            );
        match grant {
            Some(grant) => respond(200, grant.to_string()),
            None => respond(401, "{\"error\":\"invalid_client\",\"secret\":\"hush\"}".to_owned()),
        }
    }

    async fn create_namespace(&self, body: &Bytes) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap();
        let levels: Vec<String> = serde_json::from_value(body["namespace"].clone()).unwrap();
        let name = levels.join("\u{1f}");
        if self.with(|shared| shared.namespaces.contains(&name)) {
            return error(409, "AlreadyExistsException", "there is one");
        }
        self.with(|shared| shared.namespaces.push(name));
        self.catalog.ensure_namespace(&NamespaceIdent::from_vec(levels).unwrap()).await.unwrap();
        respond(200, body.to_string())
    }

    fn load_namespace(&self, namespace: &str) -> Response {
        let name = decode(namespace);
        if self.with(|shared| shared.namespaces.contains(&name)) {
            respond(200, json!({"namespace": [name], "properties": {}}).to_string())
        } else {
            error(404, "NoSuchNamespaceException", "there is none")
        }
    }

    fn lent(&self) -> (Value, Value) {
        self.with(|shared| (shared.table_config.clone(), shared.storage_credentials.clone()))
    }

    async fn stage(&self, namespace: &str, body: &Bytes) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(body["stage-create"], json!(true), "{body}");
        let table = ident(namespace, body["name"].as_str().unwrap());
        if self.catalog.load(&table).await.unwrap().is_some() {
            return error(409, "AlreadyExistsException", "there is one");
        }
        let schema: Schema = serde_json::from_value(body["schema"].clone()).unwrap();
        let mut properties: BTreeMap<String, String> = serde_json::from_value(body["properties"].clone()).unwrap();
        assert_eq!(properties.remove("format-version").as_deref(), Some("2"));
        let draft = Draft { schema, properties: properties.into_iter().collect() };
        let metadata = self.catalog.stage(&table, draft).await.unwrap();
        let (config, credentials) = self.lent();
        let body = json!({
            "metadata-location": null, "metadata": metadata, "config": config, "storage-credentials": credentials,
        });
        respond(200, body.to_string())
    }

    async fn load(&self, table: &TableIdent) -> Response {
        match self.catalog.load(table).await.unwrap() {
            Some(LoadedTable { metadata, metadata_location, .. }) => {
                let (config, credentials) = self.lent();
                let body = json!({
                    "metadata-location": metadata_location, "metadata": *metadata,
                    "config": config, "storage-credentials": credentials,
                });
                respond(200, body.to_string())
            }
            None => error(404, "NoSuchTableException", "there is none"),
        }
    }

    async fn commit(&self, table: &TableIdent, body: &Bytes) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap();
        let requirements: Vec<TableRequirement> = serde_json::from_value(body["requirements"].clone()).unwrap();
        let updates: Vec<TableUpdate> = serde_json::from_value(body["updates"].clone()).unwrap();
        let outcome = if requirements == [TableRequirement::NotExist] {
            self.catalog.create(table, assembled(updates)).await
        } else {
            match self.catalog.load(table).await.unwrap() {
                Some(current) => self.catalog.commit(&current, requirements, updates).await,
                None => Outcome::TableGone,
            }
        };
        match outcome {
            Outcome::Committed => self.load(table).await,
            Outcome::Conflict => error(409, "CommitFailedException", "the base has moved"),
            Outcome::TableGone => error(404, "NoSuchTableException", "there is none"),
            Outcome::Rejected(why) => error(400, "BadRequestException", &why),
            Outcome::Unknown(why) => error(500, "CommitStateUnknownException", &why),
        }
    }
}

/// Builds a table from nothing but the updates of its creation, as servers do.
fn assembled(updates: Vec<TableUpdate>) -> TableMetadata {
    let mut parts = (None, None, None);
    let mut rest = Vec::new();
    for update in updates {
        match update {
            TableUpdate::AddSchema { schema } => parts.0 = Some(schema),
            TableUpdate::SetLocation { location } => parts.1 = Some(location),
            TableUpdate::SetProperties { updates } => parts.2 = Some(updates),
            other => rest.push(other),
        }
    }
    let (schema, location, properties) = (parts.0.unwrap(), parts.1.unwrap(), parts.2.unwrap());
    let spec = UnboundPartitionSpec::builder().build();
    let order = SortOrder::unsorted_order();
    let builder = TableMetadataBuilder::new(schema, spec, order, location, FormatVersion::V2, properties).unwrap();
    let rest = rest.into_iter().filter(|update| !matches!(update, TableUpdate::SetCurrentSchema { .. }));
    let builder = rest.fold(builder, |builder, update| update.apply(builder).unwrap());
    builder.build().unwrap().metadata
}

fn ident(namespace: &str, table: &str) -> TableIdent {
    let levels = decode(namespace).split('\u{1f}').map(str::to_owned).collect();
    TableIdent::new(NamespaceIdent::from_vec(levels).unwrap(), decode(table))
}

fn decode(text: &str) -> String {
    let (mut bytes, mut decoded) = (text.bytes(), Vec::new());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).unwrap()
}

fn error(status: u16, kind: &str, message: &str) -> Response {
    respond(status, json!({"error": {"message": message, "type": kind, "code": status}}).to_string())
}

fn respond(status: u16, body: String) -> Response {
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}
