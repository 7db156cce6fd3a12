//! One table's side of the commit loop that touches the outside: load, check, write, send.
//!
//! The core decides; this carries out one effect at a time. It keeps the load that was decided on and the commit that
//! was written for it, so that what is sent asserts exactly what was validated. Before each request it waits for its
//! turn at the catalog.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use k2i_domain::lake::{CommitPlan, CreatePlan, FileCheck, Loaded, Outcome};
use k2i_domain::manifest::ManifestFile;
use k2i_domain::state::TableSpec;
use k2i_lakehouse::{Base, Connection, Staged, TableIdent, with_sources};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::pace::{self, CatalogPace};

/// A load or check that takes longer is given up; nothing is known then.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Writing Iceberg manifests and list.
const WRITE_TIMEOUT: Duration = Duration::from_secs(120);
/// A commit request whose answer does not come in this time is "unknown".
const POST_TIMEOUT: Duration = Duration::from_secs(60);
/// A commit that gets no turn in this time is not sent: what it was decided on is old by then.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);

/// What the configuration says of one table: its definition and where it lives.
#[derive(Debug, Clone)]
pub struct TableBinding {
    /// The definition that is replicated.
    pub spec: TableSpec,
    /// Its name in the catalog.
    pub ident: TableIdent,
    /// Properties of the table where it is created here.
    pub properties: BTreeMap<String, String>,
    /// Catalog and store; opened on first use, so that a dead catalog delays no other table.
    pub connection: Connection,
    /// The queue before that catalog, shared by all its tables.
    pub pace: CatalogPace,
}

/// The outside of one table.
#[derive(Debug, Clone)]
pub(crate) struct TableIo {
    ident: TableIdent,
    properties: BTreeMap<String, String>,
    connection: Connection,
    pace: CatalogPace,
    /// Only one effect of a table runs at a time; the lock makes that visible.
    prepared: Arc<Mutex<Prepared>>,
    /// What was last said to be wrong, by step.
    said: Arc<std::sync::Mutex<BTreeMap<&'static str, String>>>,
}

/// What the effects of one round hand to each other.
#[derive(Debug, Default)]
struct Prepared {
    /// When the round's load got in line; the round's other requests are as old.
    began: Option<Instant>,
    base: Option<Base>,
    staged: Option<Staged>,
}

impl TableIo {
    pub(crate) fn new(binding: &TableBinding) -> Self {
        Self {
            ident: binding.ident.clone(),
            properties: binding.properties.clone(),
            connection: binding.connection.clone(),
            pace: binding.pace.clone(),
            prepared: Arc::default(),
            said: Arc::default(),
        }
    }

    /// Loads the table fresh and keeps the load.
    pub(crate) async fn load(&self) -> Loaded {
        let now = Instant::now();
        self.prepared.lock().await.began = Some(now);
        self.pace.turn(now, pace::LOAD).await;
        let loaded = match timeout(READ_TIMEOUT, self.try_load()).await {
            Ok(loaded) => loaded,
            Err(_) => Loaded::Failed("the catalog did not answer in time".into()),
        };
        match &loaded {
            Loaded::Failed(why) => self.say("load", Some(why)),
            Loaded::Found(_) | Loaded::Missing => self.say("load", None),
        }
        loaded
    }

    /// Says what is wrong with a step once, and once that it is well again.
    fn say(&self, step: &'static str, wrong: Option<&str>) {
        // The map is whole after every statement, so a panic elsewhere does not spoil it.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match wrong {
            Some(why) => said.insert(step, why.to_owned()),
            None => said.remove(step),
        };
        match (before, wrong) {
            (before, Some(why)) if before.as_deref() != Some(why) => {
                tracing::warn!(table = %self.ident, step, why, "the catalog or its store is in trouble, trying again");
            }
            (Some(_), None) => tracing::info!(table = %self.ident, step, "the catalog answers again"),
            _ => {}
        }
    }

    fn answered(&self, outcome: Outcome) -> Outcome {
        match &outcome {
            Outcome::Unknown(why) | Outcome::Rejected(why) => self.say("commit", Some(why)),
            Outcome::Committed | Outcome::Conflict | Outcome::TableGone => self.say("commit", None),
        }
        outcome
    }

    async fn try_load(&self) -> Loaded {
        let lakehouse = match self.connection.get().await {
            Ok(lakehouse) => lakehouse,
            Err(error) => return Loaded::Failed(with_sources(&error)),
        };
        let (loaded, base) = lakehouse.load(&self.ident).await;
        self.prepared.lock().await.base = base;
        loaded
    }

    /// Waits for the turn of a request that changes the table; `Some`: it did not come in time.
    async fn turn(&self, requests: u32) -> Option<Outcome> {
        let began = self.prepared.lock().await.began.unwrap_or_else(Instant::now);
        let late = timeout(TURN_TIMEOUT, self.pace.turn(began, requests)).await.is_err();
        late.then(|| Outcome::Rejected("not sent: the catalog had no turn for it for a minute".into()))
    }

    /// Asks the store for each file.
    pub(crate) async fn check(&self, files: &[ManifestFile]) -> Option<Vec<FileCheck>> {
        let lakehouse = self.connection.get().await.ok()?;
        match timeout(READ_TIMEOUT, lakehouse.check_files(files)).await {
            Ok(Ok(checks)) => Some(checks),
            Ok(Err(error)) => {
                let error = with_sources(&error);
                tracing::warn!(table = %self.ident, error, "the store could not be asked for accepted files");
                None
            }
            Err(_) => {
                tracing::warn!(table = %self.ident, "the store did not answer in time");
                None
            }
        }
    }

    /// Writes Iceberg manifests and list for `plan` on the load that it was decided on.
    pub(crate) async fn write(&self, plan: &CommitPlan) -> bool {
        match timeout(WRITE_TIMEOUT, self.try_write(plan)).await {
            Ok(Ok(())) => true,
            Ok(Err(why)) => {
                tracing::warn!(table = %self.ident, why, "iceberg metadata could not be written");
                false
            }
            Err(_) => {
                tracing::warn!(table = %self.ident, "iceberg metadata was not written in time");
                false
            }
        }
    }

    async fn try_write(&self, plan: &CommitPlan) -> Result<(), String> {
        let lakehouse = self.connection.get().await.map_err(|error| with_sources(&error))?;
        let mut prepared = self.prepared.lock().await;
        let Prepared { base, staged, .. } = &mut *prepared;
        let base = base.as_ref().ok_or("no load to write on")?;
        *staged = Some(lakehouse.write(base, plan, staged.as_ref()).await.map_err(|error| with_sources(&error))?);
        Ok(())
    }

    /// Sends the commit that was written last, once.
    pub(crate) async fn post(&self) -> Outcome {
        let lakehouse = match self.connection.get().await {
            Ok(lakehouse) => lakehouse,
            Err(error) => return Outcome::Rejected(with_sources(&error)),
        };
        if let Some(late) = self.turn(pace::POST).await {
            return self.answered(late);
        }
        let prepared = self.prepared.lock().await;
        let (Some(base), Some(staged)) = (&prepared.base, &prepared.staged) else {
            return Outcome::Rejected("nothing was written to send".into());
        };
        self.answered(match timeout(POST_TIMEOUT, lakehouse.post(base, staged)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Unknown("the catalog did not answer the commit in time".into()),
        })
    }

    /// Creates the table with its first snapshot, once.
    pub(crate) async fn create(&self, plan: &CreatePlan) -> Outcome {
        let lakehouse = match self.connection.get().await {
            Ok(lakehouse) => lakehouse,
            Err(error) => return Outcome::Rejected(with_sources(&error)),
        };
        if let Some(late) = self.turn(pace::CREATE).await {
            return self.answered(late);
        }
        self.answered(match timeout(POST_TIMEOUT, lakehouse.create(&self.ident, plan, &self.properties)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Unknown("the catalog did not answer the create in time".into()),
        })
    }
}
