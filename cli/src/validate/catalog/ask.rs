//! The questions to one catalog. Nothing is made: neither a namespace nor a database file, nor a table that stays.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k2i_domain::lake::Loaded;
use k2i_lakehouse::catalog::ProbeVerdict;
use k2i_lakehouse::{Lakehouse, NamespaceIdent, with_sources};
use k2i_worker::table::check_target;

use super::super::machine::can_write_at;
use super::super::plan::{LakePlan, TablePlan};
use super::super::reach::within;
use super::{Found, Standing};

/// Connects, unless that would make a database.
pub(in crate::validate) async fn ask(plan: &LakePlan, limit: Duration) -> (Standing, Option<Lakehouse>) {
    if let Some(file) = plan.database.clone().filter(|file| is_not_there(file)) {
        let folder = file.parent().map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let writable = tokio::task::spawn_blocking(move || can_write_at(&folder)).await;
        let writable = writable.map_err(|error| error.to_string()).flatten();
        return (Standing::NotYet(file, writable), None);
    }
    let opened = async { plan.connection.get().await.map_err(|error| with_sources(&error)) };
    match within(limit, opened).await {
        Ok(lakehouse) => (Standing::Answers(lakehouse.describe().name), Some(lakehouse)),
        Err(why) => (Standing::Fails(why), None),
    }
}

/// An empty file is a database without anything in it.
fn is_not_there(file: &Path) -> bool {
    match std::fs::metadata(file) {
        Ok(found) => found.is_file() && found.len() == 0,
        Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

pub(in crate::validate) async fn ask_namespace(
    lakehouse: &Lakehouse,
    namespace: &NamespaceIdent,
    limit: Duration,
) -> Result<Option<bool>, String> {
    within(limit, async { lakehouse.namespace_exists(namespace).await.map_err(|error| with_sources(&error)) }).await
}

/// Whether it refuses a commit whose base has moved; in a namespace that exists, since none is made here.
pub(in crate::validate) async fn ask_probe(
    lakehouse: &Lakehouse,
    namespace: &NamespaceIdent,
    limit: Duration,
) -> Result<ProbeVerdict, String> {
    within(limit, async { lakehouse.probe(namespace).await.map_err(|error| with_sources(&error)) }).await
}

pub(in crate::validate) async fn ask_table(
    lakehouse: &Lakehouse,
    table: &TablePlan,
    limit: Duration,
) -> Result<Option<Found>, String> {
    let settings = &table.settings;
    let loaded = async {
        let facts = match lakehouse.load(&settings.ident).await.0 {
            Loaded::Found(facts) => *facts,
            Loaded::Missing => return Ok(None),
            Loaded::Failed(why) => return Err(why),
        };
        let target = lakehouse.open_table(&settings.ident).await.map_err(|error| with_sources(&error))?;
        Ok(target.map(|target| Found { facts, fits: check_target(settings, &target), target }))
    };
    within(limit, loaded).await
}
