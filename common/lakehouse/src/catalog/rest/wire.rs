//! Bodies of the protocol.

use std::collections::BTreeMap;

use iceberg::spec::{Schema, TableMetadata};
use iceberg::{NamespaceIdent, TableIdent, TableRequirement, TableUpdate};
use serde::{Deserialize, Serialize};

use super::super::{CatalogError, Draft};
use super::lend::{Properties, StorageCredential};

#[derive(Debug, Serialize)]
pub(super) struct CreateNamespace {
    namespace: Vec<String>,
    properties: BTreeMap<String, String>,
}

impl CreateNamespace {
    pub(super) fn new(namespace: &NamespaceIdent) -> Self {
        Self { namespace: namespace.to_vec(), properties: BTreeMap::new() }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct CreateTable {
    name: String,
    schema: Schema,
    stage_create: bool,
    properties: BTreeMap<String, String>,
}

impl CreateTable {
    /// Unpartitioned and unsorted. Servers differ in the format version that they make by themselves, so it is said.
    pub(super) fn staged(table: &TableIdent, draft: Draft) -> Self {
        let mut properties: BTreeMap<_, _> = draft.properties.into_iter().collect();
        properties.insert("format-version".to_owned(), "2".to_owned());
        Self { name: table.name.clone(), schema: draft.schema, stage_create: true, properties }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct CommitTable<'a> {
    pub(super) identifier: &'a TableIdent,
    pub(super) requirements: &'a [TableRequirement],
    pub(super) updates: &'a [TableUpdate],
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct LoadTable {
    pub(super) metadata_location: Option<String>,
    pub(super) metadata: TableMetadata,
    pub(super) config: Option<Properties>,
    pub(super) storage_credentials: Option<Vec<StorageCredential>>,
}

impl LoadTable {
    pub(super) fn read(table: &TableIdent, body: &[u8]) -> Result<Self, CatalogError> {
        serde_json::from_slice(body).map_err(|error| CatalogError::Metadata {
            table: table.to_string(),
            location: "(the server's answer)".to_owned(),
            action: "read",
            source: iceberg::Error::new(iceberg::ErrorKind::DataInvalid, error.to_string()),
        })
    }
}

/// The protocol's error.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: ErrorModel,
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorModel {
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) r#type: String,
}

pub(super) fn body(request: &impl Serialize) -> Result<Vec<u8>, CatalogError> {
    serde_json::to_vec(request).map_err(|error| CatalogError::Settings { reason: error.to_string() })
}
