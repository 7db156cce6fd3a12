//! A lakehouse that is opened on first use.
//!
//! A process starts with whatever catalogs answer; one that is dead at start is asked again by the tables that need it,
//! and delays no other.

use std::sync::Arc;
use std::time::Duration;

use iceberg::NamespaceIdent;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::catalog::ProbeVerdict;
use crate::commit::{Lakehouse, LakehouseSettings};
use crate::error::LakehouseError;

/// A catalog that takes stale commits is asked again after this time: somebody may have put it right.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Settings of a lakehouse, and the lakehouse once it could be opened. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct Connection {
    settings: Arc<LakehouseSettings>,
    opened: Arc<Mutex<Option<Lakehouse>>>,
    /// What the probe found, and when.
    probed: Arc<Mutex<Option<(Instant, ProbeVerdict)>>>,
}

impl Connection {
    /// A connection that is not made yet.
    #[must_use]
    pub fn new(settings: LakehouseSettings) -> Self {
        Self { settings: Arc::new(settings), opened: Arc::default(), probed: Arc::default() }
    }

    /// Where new tables go, as configured: a location, a server's own name for a warehouse, or left to the catalog.
    #[must_use]
    pub fn warehouse(&self) -> Option<&str> {
        self.settings.catalog.warehouse.as_deref()
    }

    /// The lakehouse, opened now if it was not. Callers wait for one attempt together.
    ///
    /// # Errors
    /// When it cannot be opened; the next call tries again.
    pub async fn get(&self) -> Result<Lakehouse, LakehouseError> {
        let mut opened = self.opened.lock().await;
        if let Some(lakehouse) = opened.as_ref() {
            return Ok(lakehouse.clone());
        }
        let lakehouse = Lakehouse::open((*self.settings).clone()).await?;
        *opened = Some(lakehouse.clone());
        Ok(lakehouse)
    }

    /// Whether the catalog may be entrusted with a table that nothing of ours is known of yet: it is asked once, in that
    /// table's namespace ([`crate::catalog::probe`]), and what it answered holds for the process. Callers wait for one
    /// probe together.
    ///
    /// # Errors
    /// When catalog or store could not be asked; the next call asks again.
    pub async fn first_contact(&self, namespace: &NamespaceIdent) -> Result<ProbeVerdict, LakehouseError> {
        let mut probed = self.probed.lock().await;
        if let Some((at, verdict)) = probed.as_ref()
            && (*verdict != ProbeVerdict::Accepts || at.elapsed() < ASK_AGAIN)
        {
            return Ok(verdict.clone());
        }
        let lakehouse = self.get().await?;
        let verdict = lakehouse.probe(namespace).await?;
        let catalog = lakehouse.describe().name;
        match &verdict {
            ProbeVerdict::Refuses => tracing::info!(catalog, "the catalog refuses stale commits, as it should"),
            ProbeVerdict::Accepts => tracing::error!(catalog, "the catalog accepts stale commits"),
            ProbeVerdict::NotAllowed { reason } => tracing::warn!(
                catalog,
                reason,
                "whether the catalog refuses stale commits could not be shown, going on as if it does"
            ),
        }
        *probed = Some((Instant::now(), verdict.clone()));
        Ok(verdict)
    }
}
