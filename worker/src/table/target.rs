//! The Iceberg table as the writer needs it: resolved once a generation.

use std::sync::Arc;

use arrow::datatypes::SchemaRef as ArrowSchema;
use k2i_domain::ids::{Incarnation, Instance, SchemaId, Sequence, SessionId, SpecId, TableUuid};
use k2i_domain::port::{StopReason, Stopped};
use k2i_lakehouse::schema::arrow_schema;
use k2i_lakehouse::{SchemaRef, TargetTable};
use sha2::{Digest, Sha256};

use super::files::Files;
use super::settings::TableSettings;
use crate::decode::DecodePlan;

/// Whether this version writes the table as the settings want it; what a process does at its start, without it.
///
/// # Errors
/// The reason to stop the table with.
pub fn check_target(settings: &TableSettings, table: &TargetTable) -> Result<(), Stopped> {
    Target::resolve(settings, table, Instance::default(), Incarnation(1)).map(drop)
}

/// What the files of one generation are written for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) uuid: TableUuid,
    pub(crate) incarnation: Incarnation,
    pub(crate) instance: Instance,
    pub(crate) data_location: String,
    pub(crate) schema: SchemaRef,
    pub(crate) schema_id: SchemaId,
    pub(crate) spec_id: SpecId,
    pub(crate) arrow: ArrowSchema,
    pub(crate) plan: DecodePlan,
    pub(crate) files: Files,
    /// Properties that are set and not followed.
    pub(crate) neglected: Vec<String>,
}

impl Target {
    /// Resolves a loaded table for this version's writer.
    ///
    /// # Errors
    /// The reason to stop the table with.
    pub(crate) fn resolve(
        settings: &TableSettings,
        table: &TargetTable,
        instance: Instance,
        incarnation: Incarnation,
    ) -> Result<Arc<Self>, Stopped> {
        let refuse = |detail: String| Stopped::new(StopReason::Schema, detail);
        let wishes = table.writable.as_ref().map_err(|why| refuse(why.to_string()))?;
        let arrow = arrow_schema(&table.schema).map_err(|error| refuse(error.to_string()))?;
        let plan = DecodePlan::new(&arrow, &settings.metadata_columns, settings.decode.clone())
            .map_err(|error| refuse(error.to_string()))?;
        Ok(Arc::new(Self {
            uuid: table.uuid,
            incarnation,
            instance,
            data_location: table.data_location.clone(),
            schema: table.schema.clone(),
            schema_id: table.schema_id,
            spec_id: table.spec_id,
            arrow,
            plan,
            files: Files::of(settings, wishes),
            neglected: wishes.neglected.clone(),
        }))
    }

    /// The object name of a manifest's file: nobody else makes the same one, and it is never written twice.
    pub(crate) fn location(&self, session: SessionId, sequence: Sequence, file: u32) -> String {
        let Self { data_location, instance, incarnation, .. } = self;
        let name = format!("k2i-{instance}-{incarnation}-{session}-{sequence}-{file}.parquet");
        if self.files.hashed_names {
            return format!("{data_location}/{}/{name}", spread(&name));
        }
        format!("{data_location}/{name}")
    }
}

/// Twenty bits of a hash of the name as folders, in the form of Iceberg's `ObjectStoreLocationProvider`: stores that
/// divide their keys by prefix then get requests for all parts alike. Which hash it is matters to nobody.
fn spread(name: &str) -> String {
    let hash = Sha256::digest(name);
    let bits = format!("{:08b}{:08b}{:08b}", hash[0], hash[1], hash[2]);
    format!("{}/{}/{}/{}", &bits[..4], &bits[4..8], &bits[8..12], &bits[12..20])
}

#[cfg(test)]
mod tests;
