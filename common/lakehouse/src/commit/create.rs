//! A new table with its first snapshot, in one request.

use std::collections::{BTreeMap, HashMap};

use iceberg::TableIdent;
use iceberg::spec::{MAIN_BRANCH, Snapshot, TableMetadata};
use k2i_domain::lake::{CreatePlan, Outcome};

use super::snapshot::{Added, summary, write_list};
use super::{Lakehouse, metadata_error};
use crate::catalog::{CatalogError, Draft};
use crate::error::{LakehouseError, with_sources};
use crate::schema::schema_from_json;

/// Table properties of a table that K2I makes, unless the configuration says otherwise.
const DEFAULTS: [(&str, &str); 3] = [
    ("write.parquet.compression-codec", "zstd"),
    ("write.metadata.previous-versions-max", "100"),
    ("write.metadata.delete-after-commit.enabled", "true"),
];
/// Says the format version and is not stored among the properties.
const FORMAT_VERSION: &str = "format-version";

impl Lakehouse {
    /// Creates the table, and its namespace where it is missing. `table_properties` win over our defaults, the plan's
    /// over both. The first snapshot is empty; its time is the plan's, or that of the staged metadata where the catalog's
    /// clock is ahead.
    pub async fn create(
        &self,
        table: &TableIdent,
        plan: &CreatePlan,
        table_properties: &BTreeMap<String, String>,
    ) -> Outcome {
        match self.stage(table, plan, table_properties).await {
            Ok(metadata) => self.backend.create(table, metadata).await,
            Err(LakehouseError::Catalog(CatalogError::Exists { .. })) => Outcome::Conflict,
            Err(error) => Outcome::Rejected(format!("not sent: {}", with_sources(&error))),
        }
    }

    async fn stage(
        &self,
        table: &TableIdent,
        plan: &CreatePlan,
        table_properties: &BTreeMap<String, String>,
    ) -> Result<TableMetadata, LakehouseError> {
        let draft = Draft {
            schema: schema_from_json(&plan.schema)?,
            properties: properties(table_properties, &plan.properties)?,
        };
        self.backend.ensure_namespace(&table.namespace).await?;
        let staged = self.backend.stage(table, draft).await?;
        let list = write_list(&self.store.file_io(), &staged, plan.snapshot, 0, Vec::new()).await;
        let list = list.map_err(|source| metadata_error(table, "written", source))?;
        with_first_snapshot(staged, plan, list).map_err(|source| metadata_error(table, "built", source))
    }
}

fn properties(
    configured: &BTreeMap<String, String>,
    planned: &BTreeMap<String, String>,
) -> Result<HashMap<String, String>, LakehouseError> {
    let mut all: HashMap<String, String> =
        DEFAULTS.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    all.extend(configured.iter().chain(planned).map(|(key, value)| (key.clone(), value.clone())));
    match all.remove(FORMAT_VERSION).as_deref() {
        None | Some("2") => Ok(all),
        Some(other) => Err(LakehouseError::Catalog(CatalogError::Settings {
            reason: format!("table property {FORMAT_VERSION} = {other}: this version makes tables of version 2"),
        })),
    }
}

fn with_first_snapshot(staged: TableMetadata, plan: &CreatePlan, list: String) -> iceberg::Result<TableMetadata> {
    let snapshot = Snapshot::builder()
        .with_snapshot_id(plan.snapshot.0)
        .with_parent_snapshot_id(None)
        .with_sequence_number(staged.next_sequence_number())
        .with_timestamp_ms(plan.at.0.max(staged.last_updated_ms()))
        .with_manifest_list(list)
        .with_summary(summary(&plan.summary, None, Added::default()))
        .with_schema_id(staged.current_schema_id())
        .build();
    let built = staged.into_builder(None).set_branch_snapshot(snapshot, MAIN_BRANCH)?.build()?;
    Ok(built.metadata)
}
